"""What a client is configured with, ready to copy: secrets are words in capitals, to be replaced."""

from collections.abc import Callable, Mapping

from certrail.domain.enrollment import EnrollmentMethod

Urls = Mapping[str, str]


def client_configurations(method: EnrollmentMethod, urls: Urls) -> dict[str, str]:
    """By client: commands or a file, with the URLs of an enrollment in it."""
    return {name: text(urls) for name, text in _CLIENTS.get(method, {}).items()} if urls else {}


def _curl(urls: Urls) -> str:
    server = urls["server"]
    return f"""\
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout host.key \\
  -subj /CN=host.example.com -addext subjectAltName=DNS:host.example.com -outform DER -out host.csr
openssl base64 -A -in host.csr -out host.b64
curl --fail-with-body --user client:PASSPHRASE --header 'Content-Type: application/pkcs10' \\
  --data-binary @host.b64 --output host.p7 {server}/simpleenroll
openssl base64 -d -A -in host.p7 | openssl pkcs7 -inform DER -print_certs -out host.pem
"""


def _strongswan(urls: Urls) -> str:
    server, label = urls["server"].split("/.well-known/est/")
    return f"""\
pki --estca --url {server} --label {label} --cacert tls-root.pem --caout ca --outform pem --force
pki --gen --type ecdsa --size 256 --outform pem > host.key
pki --req --in host.key --type priv --dn CN=host.example.com --san host.example.com > host.csr
pki --est --url {server} --label {label} --cacert tls-root.pem --cacert ca-1.pem \\
  --userpass client:PASSPHRASE --in host.csr --outform pem > host.pem
"""


_CLIENTS: Mapping[EnrollmentMethod, Mapping[str, Callable[[Urls], str]]] = {
    EnrollmentMethod.EST: {"curl": _curl, "strongswan": _strongswan},
}
