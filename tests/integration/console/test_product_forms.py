"""Forms of the product's pages: what they change, and what nobody may see on them."""

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from tests.integration.console.conftest import Site, csrf

from certrail.services.integrations.plugin_faults import CallFault

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def csr(name: str) -> str:
    """PKCS#10 for one DNS name, PEM."""
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, False)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def test_names_and_requests_are_tried_out(site: Site) -> None:
    services, path = site.team.services, "/console/policies/tls"
    with site.browser("zoe") as browser:
        given = {"csrf": csrf(browser.get(path).text), "profile": "web"}
        before = services.audit_log.head().seq, len(services.requests.list(site.team.application))
        good = browser.post(path, data={**given, "dns": "www.example.com", "ttl": "30d"})
        assert (good.status_code, "It would be accepted." in good.text) == (200, True)
        assert "30 days" in good.text
        bad = browser.post(path, data={**given, "dns": "www.elsewhere.net", "ip": "192.0.2.1"})
        assert "It would be accepted." not in bad.text
        for reason in ("sans.dns.allowed", "www.elsewhere.net", "sans.ip", "*.example.com"):
            assert reason in bad.text
        assert "It would be accepted." in browser.post(path, data={**given, "csr": csr("a.example.com")}).text
        assert "a.elsewhere.net" in browser.post(path, data={**given, "csr": csr("a.elsewhere.net")}).text
        assert "Bad input." in browser.post(path, data={**given, "csr": "no"}).text
        assert browser.post(path, data={**given, "profile": "other"}).status_code == 404
    after = services.audit_log.head().seq, len(services.requests.list(site.team.application))
    assert after == before, "nothing is stored, and nothing is on record"


def test_a_connection_is_checked_and_shows_no_secret(site: Site) -> None:
    services = site.team.services
    secret = {"url": "https://hook.example.com/", "signing_secret": "not-for-anybody-to-read"}
    services.connections.create(site.team.admin, slug="hook", name="Hook", type_="webhook", config=secret)
    with site.browser("above") as browser:
        assert "not-for-anybody" not in browser.get("/console/connections/hook").text
        path = "/console/connections/one"
        seen = browser.get(path).text
        (plugin, *_) = re.findall('name="plugin" value="([^"]+)"', seen)
        given = {"csrf": csrf(seen)}
        assert browser.post(f"{path}/check", data={**given, "plugin": plugin}).headers["location"] == path
        assert "The check has passed" in browser.get(path).text
        assert browser.post(f"{path}/check", data={**given, "plugin": "notifier-email"}).status_code == 404


def test_a_token_is_shown_once_and_revoked(site: Site) -> None:
    services, path = site.team.services, "/console/tokens"
    with site.browser("ann") as browser:
        given = {"csrf": csrf(browser.get(path).text), "name": "Pipeline", "once": "a"}
        refused = browser.post(path, data={**given, "scopes": "everything"})
        assert (refused.status_code, 'value="Pipeline"' in refused.text) == (400, True)
        made = browser.post(path, data={**given, "lifetime": "2d", "scopes": "certificate:read"})
        (text,) = re.findall(r"<pre[^>]*>(crt_[^<]+)</pre>", made.text)
        actor = services.tokens.authenticate(text)
        assert actor.scopes == {"certificate:read"}
        assert text not in browser.get(path).text
        again = browser.post(path, data={**given, "lifetime": "2d", "scopes": "certificate:read"})
        assert "<pre" not in again.text
        (row,) = services.tokens.list(actor)
        assert browser.post(f"{path}/{row.id}/revoke", data=given).headers["location"] == path
        assert services.tokens.get(row.id).revoked_at


def test_somebody_is_deactivated_and_let_act_again(site: Site) -> None:
    principals, path = site.team.services.principals, "/console/people/zoe"
    with site.browser("above") as browser:
        given = {"csrf": csrf(browser.get(path).text)}
        browser.post(f"{path}/active", data=given)
        assert not principals.get("zoe").active
        assert "may not act any more" in browser.get(path).text
        browser.post(f"{path}/active", data={**given, "active": "yes"})
        assert principals.get("zoe").active
        own = browser.get("/console/people/above").text
        assert "Deactivate" not in own, "nobody locks themselves out by accident"


def test_a_quarantine_is_seen_and_ended(site: Site) -> None:
    faults, path = site.team.services.plugin_faults, "/console/plugins/destination/files"
    faults.record(CallFault("destination-files", "1.0.0", "deliver", "held the event loop", harmful=True))
    with site.browser("ann") as browser:
        assert "in quarantine" in browser.get("/console/plugins").text
        seen = browser.get(path).text
        assert "held the event loop" in seen
        assert f"{path}/release" not in seen, "an Operator cannot end it"
    with site.browser("above") as browser:
        given = {"csrf": csrf(browser.get(path).text)}
        assert browser.post(f"{path}/release", data=given).headers["location"] == path
        assert not faults.quarantined()


def test_the_menu_leads_nowhere_that_is_refused(site: Site) -> None:
    for who in ("above", "ann", "zoe"):
        with site.browser(who) as browser:
            home = browser.get("/console").text
            menu = home.partition('aria-label="Main"')[2].partition("</nav>")[0]
            paths = re.findall('href="([^"]+)"', menu)
            assert ("/console/connections" in paths) == (who == "above")
            for path in paths:
                assert browser.get(path).status_code == 200, f"{who} {path}"


def test_an_authority_says_how_its_status_is_answered_and_what_it_issued(site: Site) -> None:
    services, path = site.team.services, "/console/authorities/root"
    issuer = x509.load_der_x509_certificate(services.status_responder.certificate("root"))
    question = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, SHA256()).build()
    with site.browser("above") as browser:
        assert "Nobody has asked yet." in browser.get(path).text
        services.status_responder.ocsp("root", question.public_bytes(Encoding.DER))
        seen = browser.get(path).text
        assert "Nobody has asked yet." not in seen
        assert ">answers</span>" in seen
        assert 'href="/console/certificates?issuer=root">All 1</a>' in seen
        tree = browser.get("/console/authorities").text
        assert '<a href="/console/certificates?issuer=root">1</a>' in tree
        listed = browser.get("/console/certificates?issuer=root").text
        assert site.objects["certificate_id"] in listed
        assert "There is no" in browser.get("/console/certificates?issuer=nobody").text
    with site.browser("zoe") as browser:
        assert "?issuer=" not in browser.get("/console/authorities").text + browser.get(path).text
