"""Certificates for one test run: an authority of its own, and a server certificate that it signed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ("yahoo.com", "*.yahoo.com", "*.finance.yahoo.com")


@dataclass(frozen=True)
class Authority:
    """The authority's certificate, and the server's key and certificate, as files."""

    certificate: Path
    server_chain: Path


def make_authority(folder: Path) -> Authority:
    """Write a new authority and a certificate for HOSTS into `folder`; both are valid for a day."""
    root_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in authority")])
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    root = (
        _certificate(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    server = (
        _certificate(server_name, root_name, server_key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    authority = Authority(folder / "authority.pem", folder / "server.pem")
    authority.certificate.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    key = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority.server_chain.write_bytes(key + server.public_bytes(serialization.Encoding.PEM))
    return authority


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
