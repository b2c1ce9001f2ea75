package require http

set url http://127.0.0.1:8080/publish/exchange
if {[string match https:* $url]} {
  package require tls
  http::register https 443 [list tls::socket -autoservername true]
}
set file [open message.json rb]
set answer [http::geturl $url -method POST -type {application/json} \
  -headers {Authorization {Bearer super_secret_key}} -query [read $file]]
puts [http::data $answer]
