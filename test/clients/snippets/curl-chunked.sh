cat message.json | curl -sS -X POST -T - http://127.0.0.1:8080/publish/exchange -H 'Authorization: Bearer super_secret_key' -H 'Content-Type: application/json'
