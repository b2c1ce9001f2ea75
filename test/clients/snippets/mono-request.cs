using System;
using System.IO;
using System.Net;

class Send {
  static void Main() {
    var request = (HttpWebRequest) WebRequest.Create("http://127.0.0.1:8080/publish/exchange");
    request.Method = "POST";
    request.Headers["Authorization"] = "Bearer super_secret_key";
    request.ContentType = "application/json";
    var body = File.ReadAllBytes("message.json");
    using (var stream = request.GetRequestStream()) stream.Write(body, 0, body.Length);
    using (var answer = request.GetResponse())
      Console.WriteLine(new StreamReader(answer.GetResponseStream()).ReadToEnd());
  }
}
