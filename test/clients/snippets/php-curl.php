<?php
$curl = curl_init('http://127.0.0.1:8080/publish/exchange');
curl_setopt_array($curl, [
  CURLOPT_HTTPHEADER => ['Authorization: Bearer super_secret_key', 'Content-Type: application/json'],
  CURLOPT_POSTFIELDS => file_get_contents('message.json'), // A text: an array would become a form.
]);
curl_exec($curl);
