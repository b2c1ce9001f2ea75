<?php
echo file_get_contents('http://127.0.0.1:8080/publish/exchange', false, stream_context_create(['http' => [
  'method' => 'POST',
  'header' => ['Authorization: Bearer super_secret_key', 'Content-Type: application/json'],
  'content' => file_get_contents('message.json'),
  'ignore_errors' => true, // A problem is an answer, too.
]]));
