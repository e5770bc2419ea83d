"""Drives the interface as a WSDL client does. Prints one line of JSON: what each step answered."""
import json
import sys

import zeep
from zeep.helpers import serialize_object

client = zeep.Client(sys.argv[1] + "wsdl")
service = client.service
auth = {"auth": {"username": "admin", "password": "secret", "admin": True, "impersonate": 0}}
results = {}


def call(label, name, *args, headers=auth, **kwargs):
    try:
        value = getattr(service, name)(*args, _soapheaders=headers, **kwargs)
        results[label] = serialize_object(value, dict)
    except zeep.exceptions.Fault as fault:
        detail = fault.detail.find("exception") if fault.detail is not None else None
        results[label] = {
            "fault": fault.message,
            "code": None if detail is None else int(detail.find("errorcode").text),
        }


alice = {"username": "alice", "domain": "example.com"}
bob = {"username": "bob", "domain": "example.com"}
sales = {"username": "sales", "domain": "example.com"}

call("addDomain", "addDomain", domain={"domain": "example.com", "customer": 7, "reseller": 3})
call("addDomain again", "addDomain", domain={"domain": "example.com"})
call("updateDomain", "updateDomain", domain={"domain": "example.com", "match_ip_address": "192.0.2.1"})
call("getDomains", "getDomains", query={"filter": {"domain": "exam%"}})
call(
    "addAccount",
    "addAccount",
    account={
        "id": alice,
        "password": "pw",
        "firstName": "Ålice & co",
        "email": "alice@example.com",
        "groups": ["free-pstn", "sms"],
        "properties": [{"name": "language", "value": "en"}],
        "acl": [{"ip": "10.0.0.0", "mask": 8}],
        "prepaid": True,
    },
)
call("addAccount bob", "addAccount", account={"id": bob, "password": "pw"})
call("addAccount again", "addAccount", account={"id": alice, "password": "pw"})
call("addAccount wrong", "addAccount", account={"id": {"username": "a b", "domain": "example.com"}, "password": "pw"})
call("updateAccount", "updateAccount", account={"id": alice, "quota": 12, "groups": ["sms"]})
call("getAccount", "getAccount", sipId=alice)
call("getAccount unknown", "getAccount", sipId={"username": "nobody", "domain": "example.com"})
call(
    "getAccounts",
    "getAccounts",
    query={
        "filter": {"domain": "example.com"},
        "orderBy": {"attribute": "username", "direction": "DESC"},
        "range": {"start": 0, "count": 1},
    },
)
call("getAccounts none", "getAccounts", query={"filter": {"username": "zzz"}})
call("getAccounts by group", "getAccounts", query={"filter": {"groups": ["sms"]}})
call("addAlias", "addAlias", alias={"id": sales, "target": alice, "owner": 4})
call("addAlias again", "addAlias", alias={"id": sales, "target": alice})
call("updateAlias", "updateAlias", alias={"id": sales, "target": bob})
call("getAlias", "getAlias", id=sales)
call("getAliases", "getAliases", query={"filter": {"targetUsername": "b_b"}})
call("deleteAlias", "deleteAlias", id=sales)
call("deleteAlias again", "deleteAlias", id=sales)
call("addToGroup", "addToGroup", sipId=alice, group="prepaid")
call("addToGroup again", "addToGroup", sipId=alice, group="prepaid")
call("getGroups", "getGroups", sipId=alice)
call("removeFromGroup", "removeFromGroup", sipId=alice, group="prepaid")
call("removeFromGroup again", "removeFromGroup", sipId=alice, group="prepaid")
call("getSipDeviceLocations", "getSipDeviceLocations", sipIds=[bob, alice])
call("getCalls", "getCalls", sipId=alice, query={"placed": {"limit": 5}, "received": {"limit": 5}})
call("deleteDomain in use", "deleteDomain", domain="example.com")
call("deleteAccount", "deleteAccount", sipId=alice)
call("deleteAccount bob", "deleteAccount", sipId=bob)
call("deleteDomain", "deleteDomain", domain="example.com")
call("wrong password", "getDomains", query={}, headers={"auth": dict(auth["auth"], password="wrong")})
call("no auth", "getDomains", query={}, headers=None)
results["operations"] = sorted(client.wsdl.services["NGNPro"].ports["SipPort"].binding._operations)
print(json.dumps(results))
