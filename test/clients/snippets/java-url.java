import java.io.*;
import java.net.*;
import java.nio.file.*;

public class Send {
  public static void main(String[] args) throws Exception {
    URL url = new URL("http://127.0.0.1:8080/publish/exchange");
    HttpURLConnection http = (HttpURLConnection) url.openConnection();
    http.setDoOutput(true);
    http.setRequestProperty("Authorization", "Bearer super_secret_key");
    http.setRequestProperty("Content-Type", "application/json");
    http.getOutputStream().write(Files.readAllBytes(Paths.get("message.json")));
    boolean ok = http.getResponseCode() < 400;
    InputStream answer = ok ? http.getInputStream() : http.getErrorStream();
    System.out.println(new BufferedReader(new InputStreamReader(answer, "UTF-8")).readLine());
  }
}
