"""Configurations of ACME clients; KID and MACKEY are those of a key for external account bindings."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

Urls = Mapping[str, str]


def _certbot(urls: Urls) -> str:
    return f"""\
certbot certonly --server {urls["directory"]} --standalone \\
  --agree-tos --email you@example.com --domain host.example.com
# with external account binding: --eab-kid KID --eab-hmac-key MACKEY
"""


def _lego(urls: Urls) -> str:
    return f"""\
lego --server {urls["directory"]} --email you@example.com --accept-tos \\
  --http --domains host.example.com run
# with external account binding: --eab --kid KID --hmac MACKEY
"""


def _acme_sh(urls: Urls) -> str:
    directory = urls["directory"]
    return f"""\
acme.sh --register-account --server {directory} --eab-kid KID --eab-hmac-key MACKEY
acme.sh --issue --server {directory} --standalone --domain host.example.com
"""


def _caddy(urls: Urls) -> str:
    return f"""\
{{
\tacme_ca {urls["directory"]}
\tacme_eab {{
\t\tkey_id KID
\t\tmac_key MACKEY
\t}}
}}

host.example.com {{
\trespond "hello"
}}
"""


def _traefik(urls: Urls) -> str:
    return f"""\
certificatesResolvers:
  certrail:
    acme:
      caServer: {urls["directory"]}
      email: you@example.com
      storage: acme.json
      eab:
        kid: KID
        hmacEncoded: MACKEY
      httpChallenge:
        entryPoint: web
"""


def _cert_manager(urls: Urls) -> str:
    return f"""\
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: certrail
spec:
  acme:
    server: {urls["directory"]}
    email: you@example.com
    externalAccountBinding:
      keyID: KID
      keySecretRef:
        name: certrail-eab
        key: mac-key
    privateKeySecretRef:
      name: certrail-account
    solvers:
      - http01:
          ingress:
            ingressClassName: nginx
"""


CLIENTS: Mapping[str, Callable[[Urls], str]] = MappingProxyType(
    {
        "acme.sh": _acme_sh,
        "caddy": _caddy,
        "cert-manager": _cert_manager,
        "certbot": _certbot,
        "lego": _lego,
        "traefik": _traefik,
    }
)
"""By client."""
