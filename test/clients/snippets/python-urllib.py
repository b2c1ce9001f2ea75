import urllib.request

with open('message.json', 'rb') as file:
    request = urllib.request.Request('http://127.0.0.1:8080/publish/exchange', file.read(), {
        'Authorization': 'Bearer super_secret_key', 'Content-Type': 'application/json'})
print(urllib.request.urlopen(request).read().decode())
