"""gurux-dlms as a client of a meter at a TCP port of loopback; a process of its own, as it is GPL.

    python gurux_client.py PORT MECHANISM CLIENT SECRET MAX_INFO

It reads the object list, then each attribute that is listed with a class it is asked for, and prints them.
"""

from __future__ import annotations

import json
import socket
import sys

from gurux_dlms import GXDateTime, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.secure import GXDLMSSecureClient

USE_LOGICAL_NAME = True
READ = {1: [2], 3: [3, 2], 8: [2], 42: [3], 45: [2], 47: [2, 3, 4, 5, 6, 7, 8]}


class Reader:
    """A gurux client and its connection."""

    def __init__(self, port: int, mechanism: str, client: int, secret: str, max_info: int) -> None:
        server = GXDLMSSecureClient.getServerAddress(1, 16)
        self.client = GXDLMSSecureClient(
            USE_LOGICAL_NAME, client, server, Authentication[mechanism], secret, InterfaceType.HDLC
        )
        self.client.hdlcSettings.maxInfoTX = self.client.hdlcSettings.maxInfoRX = max_info
        ciphering = self.client.ciphering
        ciphering.systemTitle = b"GRX00001"
        ciphering.blockCipherKey = ciphering.authenticationKey = secret.encode()
        self.socket = socket.create_connection(("127.0.0.1", port), 30)

    def packet(self, octets: bytes) -> GXReplyData:
        """Send a frame and return what answers it, all segments of it."""
        reply = GXReplyData()
        self.exchange(octets, reply)
        while reply.isMoreData():
            self.exchange(self.client.receiverReady(reply), reply)
        return reply

    def exchange(self, octets: bytes, reply: GXReplyData) -> None:
        """One frame there and one back."""
        self.socket.sendall(octets)
        reply.error, received = 0, bytearray()
        while True:
            received += self.socket.recv(4096)
            if self.client.getData(received, reply, GXReplyData()):
                break
        assert reply.error == 0, reply.error

    def packets(self, requests: list[bytes]) -> GXReplyData:
        """Send frames that belong together."""
        reply = GXReplyData()
        for octets in requests:
            reply = self.packet(octets)
        return reply

    def associate(self) -> None:
        """SNRM to the proof of HLS."""
        self.client.parseUAResponse(self.packet(self.client.snrmRequest()).data)
        self.client.parseAareResponse(self.packets(self.client.aarqRequest()).data)
        if self.client.authentication > Authentication.LOW:
            self.client.parseApplicationAssociationResponse(
                self.packets(self.client.getApplicationAssociationRequest()).data
            )

    def read(self) -> dict[str, list[object]]:
        """What is listed, by name, attribute and value."""
        objects = self.packet(self.client.getObjectsRequest()).data
        listed = self.client.parseObjects(objects, USE_LOGICAL_NAME)
        found: dict[str, list[object]] = {}
        for item in listed:
            for index in READ.get(int(item.objectType), []):
                reply = self.packets(self.client.read(item, index))
                self.client.updateValue(item, index, reply.value)
            found[item.logicalName] = [item.getValues()[n - 1] for n in READ.get(int(item.objectType), [])]
        return found


def main(port: str, mechanism: str, client: str, secret: str, max_info: str) -> None:
    """Associate, read, disconnect."""
    reader = Reader(int(port), mechanism, int(client), secret, int(max_info))
    with reader.socket:
        reader.associate()
        found = reader.read()
        reader.packet(reader.client.disconnectRequest())
    json.dump(found, sys.stdout, default=plain)


def plain(value: object) -> object:
    """A value of gurux's as JSON has it."""
    return value.value.isoformat() if isinstance(value, GXDateTime) else vars(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
