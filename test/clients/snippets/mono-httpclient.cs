using System;
using System.IO;
using System.Net.Http;

class Send {
  static void Main() {
    var client = new HttpClient();
    client.DefaultRequestHeaders.Add("Authorization", "Bearer super_secret_key");
    var body = new ByteArrayContent(File.ReadAllBytes("message.json"));
    body.Headers.Add("Content-Type", "application/json");
    var answer = client.PostAsync("http://127.0.0.1:8080/publish/exchange", body).Result;
    Console.WriteLine(answer.Content.ReadAsStringAsync().Result);
  }
}
