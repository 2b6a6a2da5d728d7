"""The development issuer for a stack of containers: the local issuer, reached by name and therefore over TLS.

Services take an issuer's keys over plain http from their own machine only. `python -m redress_local.shared_issuer
serve` makes a certificate for its own name, puts it where the services can read it, and serves; `… token --role
analyst` prints a token for a person. Variables: ISSUER (its https address, the `iss` of every token) and, for the
three services, `<SERVICE>_CLIENT_ID` and `<SERVICE>_CLIENT_SECRET`. Not for production: it lets in whoever may run it.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
import typer
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from redress.clock import Clock, SystemClock
from redress_local.issuer import create_issuer
from redress_local.secrets_file import Secrets, ensure_secrets, read_secrets, write_private
from redress_local.settings import SERVICES
from redress_local.tokens import mint

CERTIFICATE_LASTS: Final = timedelta(days=3650)  # running services trust the one they read when they started
_KEY_FILE: Final = "certificate_key.pem"

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
Data = Annotated[Path, typer.Option(help="the keys that never leave the issuer")]
Issuer = Annotated[str, typer.Option(envvar="ISSUER", help="https address, the `iss` of every token")]


@app.command()
def serve(
    issuer: Issuer,
    data: Data = Path("/var/lib/redress"),
    certificate: Annotated[Path, typer.Option(help="for the services")] = Path("/run/issuer/certificate.pem"),
) -> None:
    """Serve discovery, keys and tokens until SIGTERM."""
    parts = urlsplit(issuer)
    if parts.scheme != "https" or not parts.hostname:
        raise SystemExit(f"ISSUER={issuer}: it must be an https address")
    clients = {
        os.environ[f"{service.upper()}_CLIENT_ID"]: os.environ[f"{service.upper()}_CLIENT_SECRET"]
        for service in SERVICES
    }
    secrets = issuer_secrets(data, clients)
    key = ensure_certificate(parts.hostname, data, certificate, SystemClock())
    uvicorn.run(
        create_issuer(issuer, secrets, SystemClock()),
        host="0.0.0.0",  # noqa: S104 - a container's networks decide who reaches it
        port=parts.port or 443,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


@app.command()
def token(
    issuer: Issuer,
    role: Annotated[list[str], typer.Option(help="analyst, approver, collector, auditor, erp, ops, admin; repeatable")],
    tenant: Annotated[str, typer.Option(help="whose data the token opens")] = "demo",
    subject: Annotated[str | None, typer.Option(help="who acts; the role's name if not given")] = None,
    data: Data = Path("/var/lib/redress"),
) -> None:
    """Print an access token, and nothing else. It is valid for twelve hours."""
    who = subject or f"dev-{role[0]}"
    print(mint(read_secrets(data), issuer=issuer, subject=who, tenant=tenant, roles=role, now=SystemClock().now()))


def issuer_secrets(data: Path, clients: dict[str, str]) -> Secrets:
    """The signing key of the folder, made at the first start, and the clients of this one."""
    if not all(clients.values()):
        raise SystemExit("every service needs a client secret")
    return msgspec.structs.replace(ensure_secrets(data), clients=clients)


def ensure_certificate(host: str, data: Path, certificate: Path, clock: Clock) -> Path:
    """A self-signed certificate for `host` and localhost at `certificate`, made once; its private key in `data`."""
    private = data / _KEY_FILE
    if certificate.exists() and private.exists() and _is_for(host, certificate):
        return private
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Redress development issuer")])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + CERTIFICATE_LASTS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host), x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()  # the file is its owner's alone
    write_private(private, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    temporary = certificate.with_suffix(".new")
    temporary.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    temporary.replace(certificate)
    return private


_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,  # it is its own authority
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _is_for(host: str, certificate: Path) -> bool:
    names = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions
    return host in names.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


if __name__ == "__main__":
    app()
