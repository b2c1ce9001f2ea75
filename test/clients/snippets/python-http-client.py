from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

url = urlsplit('http://127.0.0.1:8080/publish/exchange')
connection = (HTTPSConnection if url.scheme == 'https' else HTTPConnection)(url.netloc)
with open('message.json', 'rb') as file:
    connection.request('POST', url.path, file.read(), {
        'Authorization': 'Bearer super_secret_key', 'Content-Type': 'application/json'})
print(connection.getresponse().read().decode())
