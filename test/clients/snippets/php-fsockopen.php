<?php
$url = parse_url('http://127.0.0.1:8080/publish/exchange');
$body = file_get_contents('message.json');
$socket = fsockopen(($url['scheme'] === 'https' ? 'ssl://' : '') . $url['host'], $url['port']);
fwrite($socket, "POST $url[path] HTTP/1.0\r\nHost: $url[host]\r\nAuthorization: Bearer super_secret_key\r\n"
  . "Content-Type: application/json\r\nContent-Length: " . strlen($body) . "\r\n\r\n" . $body);
echo stream_get_contents($socket);
