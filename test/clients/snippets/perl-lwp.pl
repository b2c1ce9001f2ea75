use LWP::UserAgent;

open my $file, '<:raw', 'message.json' or die $!;
my $body = do { local $/; <$file> };
print LWP::UserAgent->new->post('http://127.0.0.1:8080/publish/exchange',
  Authorization => 'Bearer super_secret_key', 'Content-Type' => 'application/json', Content => $body)->content;
