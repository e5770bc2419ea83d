#!/usr/bin/python3
"""Provisions an account over SOAP at any node, and shows its devices and calls.

    provision.py URL ADMIN-PASSWORD USER@DOMAIN PASSWORD
    provision.py http://192.0.2.1:9200/ "$ADMIN" carol@thor.local s3cret

URL and password: "thor-node admin password" and what "thor-node join" prints. Debian package python3-zeep.
"""
import sys

import zeep

if len(sys.argv) != 5:
    sys.exit(__doc__)
url, admin_password, address, password = sys.argv[1:]
username, domain = address.split("@")
sip_id = {"username": username, "domain": domain}

client = zeep.Client(url + "wsdl")
auth = {"auth": {"username": "admin", "password": admin_password, "admin": True}}


def call(name, *arguments):
    return getattr(client.service, name)(*arguments, _soapheaders=auth)


try:
    call("addAccount", {"id": sip_id, "password": password, "firstName": "Carol", "groups": {"item": ["free-pstn"]}})
    print(f"added {address}")
except zeep.exceptions.Fault as fault:
    code = int(fault.detail.find("exception/errorcode").text)
    if code != 1011:  # SIP account already exists
        raise
    print(f"{address} is there already")

account = call("getAccount", sip_id)
print(f"groups: {', '.join(account.groups or [])}")

for found in call("getSipDeviceLocations", {"item": [sip_id]}):
    for device in found.locations or []:
        print(f"device: {device.address}:{device.port} {device.userAgent}, {device.expires} s left")

calls = call("getCalls", sip_id, {})
print(f"calls: {len(calls.placed or [])} placed, {len(calls.received or [])} received")
