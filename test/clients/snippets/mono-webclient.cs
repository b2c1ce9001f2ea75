using System;
using System.IO;
using System.Net;
using System.Text;

class Send {
  static void Main() {
    var client = new WebClient();
    client.Headers["Authorization"] = "Bearer super_secret_key";
    client.Headers["Content-Type"] = "application/json";
    var body = File.ReadAllBytes("message.json");
    Console.WriteLine(Encoding.UTF8.GetString(client.UploadData("http://127.0.0.1:8080/publish/exchange", body)));
  }
}
