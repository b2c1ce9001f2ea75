<?php
require 'GuzzleHttp/autoload.php';

$client = new GuzzleHttp\Client(['http_errors' => false]);
echo $client->post('http://127.0.0.1:8080/publish/exchange', [
  'headers' => ['Authorization' => 'Bearer super_secret_key', 'Content-Type' => 'application/json'],
  'body' => file_get_contents('message.json'),
])->getBody();
