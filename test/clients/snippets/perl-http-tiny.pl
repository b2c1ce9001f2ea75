use HTTP::Tiny;

open my $file, '<:raw', 'message.json' or die $!;
my $body = do { local $/; <$file> };
print HTTP::Tiny->new->post('http://127.0.0.1:8080/publish/exchange', { content => $body, headers => {
  'Authorization' => 'Bearer super_secret_key', 'Content-Type' => 'application/json' } })->{content};
