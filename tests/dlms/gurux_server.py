"""A DLMS meter made of gurux-dlms on a TCP port of loopback, which it prints; a process of its own (GPL).

    python gurux_server.py MECHANISM SECRET GSM_VERSION FRAME_OCTETS PDU_OCTETS

gurux decodes what comes, encodes attributes, PDUs, blocks and frames, and reckons the proofs of HLS. Which of
its parts is called when is said here, because the dispatcher that it has is not finished in Python.
"""

from __future__ import annotations

import socket
import sys
from datetime import datetime

from gurux_dlms import GXByteBuffer, GXDateTime
from gurux_dlms._GXAPDU import _GXAPDU
from gurux_dlms._HDLCInfo import _HDLCInfo
from gurux_dlms.enums import (
    AccessMode,
    AssociationResult,
    Authentication,
    Command,
    DataType,
    ErrorCode,
    InterfaceType,
    MethodAccessMode,
    RequestTypes,
    SourceDiagnostic,
)
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
from gurux_dlms.GXReplyData import GXReplyData
from gurux_dlms.GXSecure import GXSecure
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from gurux_dlms.objects import (
    GXDLMSAssociationLogicalName,
    GXDLMSClock,
    GXDLMSData,
    GXDLMSGprsSetup,
    GXDLMSGSMCellInfo,
    GXDLMSGSMDiagnostic,
    GXDLMSIp4Setup,
    GXDLMSRegister,
)
from gurux_dlms.secure import GXDLMSSecureServer
from gurux_dlms.ValueEventArgs import ValueEventArgs

CLOCK = datetime.fromisoformat("2026-11-21T12:30:15")
ENERGIES = {"1.0.1.8.0.255": 1234567, "1.0.1.8.1.255": 1000000, "1.0.1.8.2.255": 234567, "1.0.2.8.0.255": 42}


def objects(gsm_version: int) -> list[object]:
    """What the meter has."""
    name, serial = GXDLMSData("0.0.42.0.0.255"), GXDLMSData("0.0.96.1.0.255")
    name.value, serial.value = b"GRX0000000000101", "Счётчик 101".encode("cp1251")
    clock = GXDLMSClock("0.0.1.0.0.255")
    clock.time = GXDateTime(CLOCK)
    ip = GXDLMSIp4Setup("0.0.25.1.0.255")
    ip.ipAddress = "10.20.30.40"
    gprs = GXDLMSGprsSetup("0.0.25.4.0.255")
    gprs.apn = "m2m.example"
    found: list[object] = [name, serial, clock, ip, gprs, diagnostic(gsm_version)]
    for logical_name, energy in ENERGIES.items():
        register = GXDLMSRegister(logical_name)
        register.value, register.scaler, register.unit = energy, 10, 30
        register.setDataType(2, DataType.UINT32)
        found.append(register)
    return found


def diagnostic(version: int) -> GXDLMSGSMDiagnostic:
    """The modem's object."""
    gsm = GXDLMSGSMDiagnostic("0.0.25.6.0.255")
    gsm.version, gsm.operator, gsm.status = version, "Gurux", 5
    gsm.circuitSwitchStatus, gsm.packetSwitchStatus = 0, 2
    gsm.cellInfo.cellId, gsm.cellInfo.locationId = 4711, 815
    gsm.cellInfo.signalQuality, gsm.cellInfo.ber = 17, 3
    gsm.cellInfo.mobileCountryCode, gsm.cellInfo.mobileNetworkCode, gsm.cellInfo.channelNumber = 250, 1, 600
    neighbour = GXDLMSGSMCellInfo()
    neighbour.cellId, neighbour.signalQuality = 4712, 9
    gsm.adjacentCells, gsm.captureTime = [neighbour], GXDateTime(CLOCK)
    return gsm


class Meter(GXDLMSSecureServer):
    """One connection's meter."""

    def __init__(self, mechanism: str, secret: bytes, gsm_version: int, frame: int, pdu: int) -> None:
        super().__init__(association=True, interfaceType=InterfaceType.HDLC)
        self.mechanism, self.secret = Authentication[mechanism], secret
        self.frame_octets = frame
        self.pdu = pdu
        self.settings.cipher = None
        association = GXDLMSAssociationLogicalName()
        for item in [*objects(gsm_version), association]:
            self.items.append(item)
            association.objectList.append(item)
        self.associated = False
        self.info = GXReplyData()
        self.rest: GXByteBuffer | None = None

    def feed(self, octets: bytes) -> bytes:
        """What is answered."""
        self.receivedData.set(octets)
        GXDLMS.getData(self.settings, self.receivedData, self.info, None)
        if not self.info.complete:
            return b""
        self.receivedData.clear()
        command, more = self.info.command, self.info.moreData
        if more & RequestTypes.FRAME:
            return self.frame(self.settings.getReceiverReady())
        if command == Command.NONE and not self.replyData:
            return self.frame(self.settings.getReceiverReady())
        answer = self.answer(command, self.info.data)
        self.info = GXReplyData()
        return answer

    def frame(self, control: int) -> bytes:
        """The next frame of what is to be said."""
        return bytes(GXDLMS.getHdlcFrame(self.settings, control, self.replyData))

    def answer(self, command: int, data: GXByteBuffer) -> bytes:
        """One request, one answer's first frame; the others follow when they are asked for."""
        if command == Command.SNRM:
            return self.open(data)
        if command == Command.DISCONNECT_REQUEST:
            self.replyData.clear()
            return self.frame(Command.UA)
        if command == Command.NONE:
            return self.frame(self.settings.getNextSend(first=False))
        if command == Command.AARQ:
            self.associate(data)
        elif command == Command.GET_REQUEST:
            self.get(data)
        elif command == Command.METHOD_REQUEST:
            self.prove(data)
        return self.frame(0)

    def open(self, data: GXByteBuffer) -> bytes:
        """SNRM to UA."""
        link = self.settings.hdlc
        link.maxInfoTX = link.maxInfoRX = 128
        GXDLMS.parseSnrmUaResponse(data, link)
        link.maxInfoTX = link.maxInfoRX = min(self.frame_octets, link.maxInfoTX)
        self.replyData.clear()
        self.replyData.set(b"\x81\x80\x00")
        for name in (_HDLCInfo.MAX_INFO_TX, _HDLCInfo.MAX_INFO_RX):
            self.replyData.setUInt8(name)
            GXDLMS.appendHdlcParameter(self.replyData, self.frame_octets)
        self.replyData.setUInt8(len(self.replyData) - 3, 2)
        self.settings.resetFrameSequence()
        return self.frame(Command.UA)

    def associate(self, data: GXByteBuffer) -> None:
        """AARQ to AARE."""
        diagnostic = _GXAPDU.parsePDU(self.settings, None, data, None)
        self.settings.maxPduSize = min(self.pdu, self.settings.maxPduSize)
        asked, high = self.settings.authentication, self.mechanism > Authentication.LOW
        result = AssociationResult.ACCEPTED
        if asked != self.mechanism or (asked == Authentication.LOW and self.settings.password != self.secret):
            result, diagnostic = AssociationResult.PERMANENT_REJECTED, SourceDiagnostic.AUTHENTICATION_FAILURE
        elif high:
            diagnostic = SourceDiagnostic.AUTHENTICATION_REQUIRED
            self.settings.setStoCChallenge(GXSecure.generateChallenge())
        self.associated = result == AssociationResult.ACCEPTED and not high
        self.replyData.set(_GXCommon.LLC_REPLY_BYTES)
        _GXAPDU.generateAARE(self.settings, self.replyData, result, diagnostic, None, None, None)
        if high and result == AssociationResult.ACCEPTED:
            self.mend_length()

    def mend_length(self) -> None:
        """gurux gives the field of the challenge the length of what is inside it; add the two octets."""
        size = len(self.settings.stoCChallenge)
        at = bytes(self.replyData.array()).index(bytes((0xAA, size, 0x80, size)))
        self.replyData.setUInt8(size + 2, at + 1)

    def get(self, data: GXByteBuffer) -> None:
        """GET of an attribute or of the next block."""
        kind, invoke_id = data.getUInt8(), data.getUInt8()
        status, value = ErrorCode.OK, GXByteBuffer()
        if kind == 1:
            self.settings.resetBlockIndex()
            self.settings.setCount(0)
            self.settings.setIndex(0)
            status = self.value(data, value)
        elif self.rest is not None and data.getUInt32() == self.settings.blockIndex:
            self.settings.increaseBlockIndex()
            value = self.rest
        else:
            status = ErrorCode.DATA_BLOCK_NUMBER_INVALID
        parameters = GXDLMSLNParameters(
            self.settings, invoke_id, Command.GET_RESPONSE, kind, None, value, status
        )
        parameters.multipleBlocks = kind == 2
        GXDLMS.getLNPdu(parameters, self.replyData)
        left = value.array()[value.position :]
        self.rest = GXByteBuffer(left) if left else None

    def value(self, data: GXByteBuffer, value: GXByteBuffer) -> ErrorCode:
        """Put an attribute's octets into `value`."""
        class_id, name = data.getUInt16(), bytearray(6)
        data.get(name)
        found = self.items.findByLN(class_id, _GXCommon.toLogicalName(name))
        wanted = ValueEventArgs(self, found, data.getUInt8(), 0, None)
        if found is None or not self.associated:
            return ErrorCode.UNDEFINED_OBJECT if found is None else ErrorCode.READ_WRITE_DENIED
        wanted.isSkipMaxPduSize = True  # the name that the association looks for
        stored = found.getValue(self.settings, wanted)
        if wanted.byteArray or isinstance(stored, GXByteBuffer):
            value.set(stored)
        elif found.getDataType(wanted.index) == DataType.STRING:
            _GXCommon.setData(self.settings, value, DataType.STRING, stored.decode())
        else:
            GXDLMS.appendData(self.settings, found, wanted.index, value, stored)
        return wanted.error

    def prove(self, data: GXByteBuffer) -> None:
        """The second half of HLS."""
        _kind, invoke_id = data.getUInt8(), data.getUInt8()
        data.position += 10  # class, name, index, and that there is a parameter
        proof = bytes(_GXCommon.getData(self.settings, data, _GXDataInfo()))
        status, value = ErrorCode.READ_WRITE_DENIED, GXByteBuffer()
        if proof == self.secured(self.settings.stoCChallenge):
            self.associated, status = True, ErrorCode.OK
            value.set(b"\x01\x00")
            _GXCommon.setData(
                self.settings, value, DataType.OCTET_STRING, self.secured(self.settings.ctoSChallenge)
            )
        else:
            value.setUInt8(0)
        parameters = GXDLMSLNParameters(
            self.settings, invoke_id, Command.METHOD_RESPONSE, 1, None, value, status
        )
        GXDLMS.getLNPdu(parameters, self.replyData)

    def secured(self, challenge: bytes) -> bytes:
        """What answers a challenge."""
        return bytes(GXSecure.secure(self.settings, None, 0, challenge, self.secret))

    def isTarget(self, serverAddress: int, clientAddress: int) -> bool:  # noqa: N802, N803 - gurux's
        """Whether a frame is for this meter."""
        return True

    def onGetAttributeAccess(self, arg: ValueEventArgs) -> AccessMode:  # noqa: N802
        """All may be read."""
        return AccessMode.READ

    def onGetMethodAccess(self, arg: ValueEventArgs) -> MethodAccessMode:  # noqa: N802
        """And done."""
        return MethodAccessMode.ACCESS


def main(mechanism: str, secret: str, *numbers: str) -> None:
    """Serve one connection after the other until killed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            connection, _ = listener.accept()
            meter = Meter(mechanism, secret.encode(), *map(int, numbers))
            with connection:
                while octets := connection.recv(4096):
                    connection.sendall(meter.feed(octets))


if __name__ == "__main__":
    main(*sys.argv[1:])
