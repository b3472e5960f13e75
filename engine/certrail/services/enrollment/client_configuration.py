"""What a client is configured with, ready to copy: secrets are words in capitals, to be replaced."""

from collections.abc import Callable, Mapping

from certrail.domain.enrollment import EnrollmentMethod
from certrail.services.enrollment.acme import client_configuration as acme_clients

Urls = Mapping[str, str]


def client_configurations(method: EnrollmentMethod, urls: Urls) -> dict[str, str]:
    """By client: commands or a file, with the URLs of an enrollment in it."""
    return {name: text(urls) for name, text in _CLIENTS.get(method, {}).items()} if urls else {}


def _curl(urls: Urls) -> str:
    server = urls["server"]
    renewal = (
        f"""\
# renewal with the certificate and the key from before, without the passphrase:
# curl --fail-with-body --cert host.pem --key host.key --header 'Content-Type: application/pkcs10' \\
#   --data-binary @next.b64 --output next.p7 {urls["tls"]}/simplereenroll
"""
        if "tls" in urls
        else ""
    )
    return f"""\
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout host.key \\
  -subj /CN=host.example.com -addext subjectAltName=DNS:host.example.com -outform DER -out host.csr
openssl base64 -A -in host.csr -out host.b64
curl --fail-with-body --user client:PASSPHRASE --header 'Content-Type: application/pkcs10' \\
  --data-binary @host.b64 --output host.p7 {server}/simpleenroll
openssl base64 -d -A -in host.p7 | openssl pkcs7 -inform DER -print_certs -out host.pem
{renewal}"""


def _strongswan(urls: Urls) -> str:
    prefix = urls["prefix"]
    return f"""\
pki --estca --url {prefix} --cacert tls-root.pem --caout ca --outform pem --force
pki --gen --type ecdsa --size 256 --outform pem > host.key
pki --req --in host.key --type priv --dn CN=host.example.com --san host.example.com > host.csr
pki --est --url {prefix} --cacert tls-root.pem --cacert ca-1.pem \\
  --userpass client:PASSPHRASE --in host.csr --outform pem > host.pem
"""


def _scep_strongswan(urls: Urls) -> str:
    server = urls["server"]
    return f"""\
pki --scepca --url {server} --caout ca.pem --raout ra.pem --outform pem --force
pki --gen --type rsa --size 2048 --outform pem > device.key
pki --scep --url {server} --in device.key --dn CN=device.example.com --san device.example.com \\
  --password CHALLENGE --cacert-enc ra.pem --cacert-sig ra.pem --cacert ca.pem \\
  --outform pem > device.pem
"""


def _certmonger(urls: Urls) -> str:
    server = urls["server"]
    return f"""\
curl --silent --show-error --fail-with-body '{server}?operation=GetCACert' \\
  | openssl pkcs7 -inform DER -print_certs | awk '/BEGIN/ {{n++}} n {{print > "scep-" n ".pem"}}'
for file in scep-*.pem; do
  openssl x509 -in "$file" -noout -subject | grep -q 'SCEP registration authority' \\
    && cp "$file" ra.pem || cat "$file" >> ca.pem
done
getcert add-scep-ca -c certrail -u {server} -R "$PWD/ca.pem" -r "$PWD/ra.pem" -N "$PWD/ca.pem"
getcert request -c certrail -k /etc/pki/device.key -f /etc/pki/device.pem \\
  -N CN=device.example.com -D device.example.com -L CHALLENGE
"""


_CLIENTS: Mapping[EnrollmentMethod, Mapping[str, Callable[[Urls], str]]] = {
    EnrollmentMethod.ACME: acme_clients.CLIENTS,
    EnrollmentMethod.EST: {"curl": _curl, "strongswan": _strongswan},
    EnrollmentMethod.SCEP: {"certmonger": _certmonger, "strongswan": _scep_strongswan},
}
