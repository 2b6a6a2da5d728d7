"""Ports that a process can have again after it ended."""

from pathlib import Path

from redress_local.ports import free_ports, is_free


def test_ports_are_free_and_different() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(is_free(port) for port in ports)


def test_no_outgoing_connection_is_given_one_of_them() -> None:
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first_outgoing = int(setting.read_text().split()[0]) if setting.exists() else 49_152
    assert max(free_ports(50)) < first_outgoing
