require 'net/http'

puts Net::HTTP.post(URI('http://127.0.0.1:8080/publish/exchange'), File.binread('message.json'),
  'Authorization' => 'Bearer super_secret_key', 'Content-Type' => 'application/json').body
