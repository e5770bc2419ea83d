"""Calls every operation of every port through a client made from the WSDL, over the nodes in turn: what one node wrote is read
at the next. Prints one line of JSON: what was called, and what was not as expected.

    zeep-all.py PASSWORD URL [URL...]
"""
import json
import sys

import zeep
from zeep.helpers import serialize_object

password, urls = sys.argv[1], sys.argv[2:]
clients = [zeep.Client(url + "wsdl") for url in urls]
SERVICES = {"Presence": "SoapSIMPLEProxy"}
bound = [
    {
        name: client.bind(SERVICES.get(name, "NGNPro"), name + "Port")
        for name in [port[:-4] for service in client.wsdl.services.values() for port in service.ports]
    }
    for client in clients
]
admin = {"username": "admin", "password": password, "admin": True, "impersonate": 0}
# Each is to do once what it is for: one that only refuses was not seen.
answered, wrong, step, per_node = set(), [], 0, [0] * len(urls)


def call(name, *args, auth=admin, fault=None, **kwargs):
    """The next node answers; with `fault`, that code is expected."""
    global step
    port, operation = name.split(".")
    node = step % len(clients)
    step += 1
    per_node[node] += 1
    headers = {} if port == "Presence" else {"_soapheaders": {"auth": auth}}
    try:
        value = serialize_object(getattr(bound[node][port], operation)(*args, **headers, **kwargs), dict)
        answered.add(name)
        if fault is not None:
            wrong.append([step, name, "no fault", fault])
        return value
    except zeep.exceptions.Fault as error:
        detail = error.detail.find("exception") if error.detail is not None else None
        code = None if detail is None else int(detail.find("errorcode").text)
        if code != fault:
            text = error.message if detail is None else detail.find("errorstring").text
            wrong.append([step, name, code, fault, text])


def expect(label, value, expected):
    if value != expected:
        wrong.append([step, label, value, expected])


def has(label, got, /, **members):
    for member, expected in members.items():
        expect(f"{label}.{member}", None if got is None else got.get(member), expected)


DOMAIN = "zeep.example"
alice = {"username": "alice", "domain": DOMAIN}
bob = {"username": "bob", "domain": DOMAIN}
sales = {"username": "sales", "domain": DOMAIN}
nobody = {"username": "nobody", "domain": DOMAIN}

# Customers: a reseller, a customer of it.
reseller = call("Customer.addAccount", account={"username": "resell", "password": "pw", "organization": "R & Co"})
has("reseller", reseller, reseller=reseller["id"], organization="R & Co", password=None)
customer = call(
    "Customer.addAccount",
    account={"username": "cust", "password": "pw", "reseller": reseller["id"], "country": "NL"},
)
call("Customer.addAccount", account={"username": "cust", "password": "pw"}, fault=5001)
has("customer", call("Customer.getAccount", id=customer["id"]), username="cust", reseller=reseller["id"])
call("Customer.getAccount", id=999999, fault=5000)
has("updated", call("Customer.updateAccount", account={"id": customer["id"], "city": "Haarlem"}), city="Haarlem", country="NL")
call(
    "Customer.setProperties",
    customer=customer["id"],
    properties=[
        {"name": "sip_credit", "value": "2", "category": "credit", "permission": "reseller"},
        {"name": "sip_alias_credit", "value": "5", "category": "credit", "permission": "reseller"},
    ],
)
expect("properties", len(call("Customer.getProperties", customer=customer["id"])), 2)
found = call("Customer.getCustomers", query={"filter": {"username": "cus%"}})
expect("getCustomers", (found["total"], found["accounts"][0]["city"]), (1, "Haarlem"))
expect("getResellers", call("Customer.getResellers", query={"filter": {"username": "resell"}})["total"], 1)
as_customer = {"username": "cust", "password": "pw", "admin": False}

# Domains, accounts, aliases, groups.
call("Sip.addDomain", domain={"domain": DOMAIN, "customer": customer["id"], "reseller": reseller["id"]})
call("Sip.addDomain", domain={"domain": DOMAIN}, fault=1001)
call("Sip.updateDomain", domain={"domain": DOMAIN, "match_sip_domain": DOMAIN})
has("getDomains", call("Sip.getDomains", query={"filter": {"domain": "zeep.%"}}), total=1)
plan = {"country": "31", "area": "20", "international": "00", "national": "0", "nationalDigits": 9, "keep": ["112", "0800*"]}
call("Platform.setDialPlan", domain=DOMAIN, plan=plan, auth=as_customer)
has("getDialPlan", call("Platform.getDialPlan", domain=DOMAIN), **plan)
call("Platform.setDialPlan", domain=DOMAIN, plan={"country": "031"}, fault=101)
call("Platform.setDialPlan", domain="nowhere.example", plan=plan, fault=1000)
call("Sip.updateDomain", domain={"domain": DOMAIN, "verify_cert": False})
has("getDialPlan", call("Platform.getDialPlan", domain=DOMAIN), country="31")
call("Platform.deleteDialPlan", domain=DOMAIN)
has("getDialPlan without", call("Platform.getDialPlan", domain=DOMAIN), country=None)
island = {"region": "Island", "numbers": ["112", "110"], "gateways": ["rescue", "sip:psap.example:5070;transport=tcp"]}
call("Platform.setEmergencyRegion", region=island, auth=as_customer, fault=902)
call("Platform.setEmergencyRegion", region=island)
call("Platform.setEmergencyRegion", region={"region": "x", "numbers": ["112"]}, fault=102)
for bad in ({"numbers": ["1-2"]}, {"gateways": ["tel:112"]}):
    call("Platform.setEmergencyRegion", region={**island, **bad}, fault=101)
found = call("Platform.getEmergencyRegions")
expect("getEmergencyRegions", [(one["region"], one["gateways"]) for one in found], [("island", island["gateways"])])
call("Platform.deleteEmergencyRegion", region="island")
call("Platform.deleteEmergencyRegion", region="island", fault=1050)
made = call("Sip.addAccount", account={"id": alice, "password": "pw", "groups": ["free-pstn"], "prepaid": True}, auth=as_customer)
has("addAccount", made, customer=customer["id"], reseller=reseller["id"], prepaid=True, timeout=35)
call("Sip.addAccount", account={"id": alice, "password": "pw"}, fault=1011)
call("Sip.addAccount", account={"id": bob, "password": "pw"}, auth=as_customer)
call("Sip.addAccount", account={"id": nobody, "password": "pw"}, auth=as_customer, fault=5004)
has("updateAccount", call("Sip.updateAccount", account={"id": alice, "quota": 12}), quota=12, groups=["free-pstn"])
trees = ["e164.private.example", "e164.arpa"]
has("updateAccount", call("Sip.updateAccount", account={"id": alice, "enum_trees": trees}), quota=12, enum_trees=trees)
has("getAccount", call("Sip.getAccount", sipId=alice, auth=as_customer), quota=12, email=None)
call("Sip.getAccount", sipId=nobody, fault=1010)
has("getAccounts", call("Sip.getAccounts", query={"filter": {"domain": DOMAIN}, "range": {"start": 0, "count": 1}}), total=2)
call("Sip.addAlias", alias={"id": sales, "target": alice})
call("Sip.updateAlias", alias={"id": sales, "target": bob})
has("getAlias", call("Sip.getAlias", id=sales), target=bob)
has("getAliases", call("Sip.getAliases", query={"filter": {"targetUsername": "bob"}}), total=1)
call("Sip.addToGroup", sipId=alice, group="sms")
call("Sip.addToGroup", sipId=alice, group="sms", fault=1030)
expect("getGroups", call("Sip.getGroups", sipId=alice), ["free-pstn", "sms"])
call("Sip.removeFromGroup", sipId=alice, group="sms")
call("Sip.removeFromGroup", sipId=alice, group="sms", fault=1031)

# Trunks.
carrier = call("Sip.addCarrier", carrier={"name": "Carrier"})
has("updateCarrier", call("Sip.updateCarrier", carrier={"id": carrier["id"], "name": "Carrier 1"}), name="Carrier 1")
gateway = call("Sip.addGateway", gateway={"name": "gw", "carrier_id": carrier["id"], "ip": "192.0.2.9"})
has("addGateway", gateway, carrier="Carrier 1", transport="udp", port=5060)
call("Sip.addGateway", gateway={"name": "gw", "carrier_id": 999999, "ip": "192.0.2.9"}, fault=1080)
has("updateGateway", call("Sip.updateGateway", gateway={"id": gateway["id"], "transport": "tls", "port": 5061}), transport="tls")
has("getGateways", call("Sip.getGateways", query={"filter": {"carrier_id": carrier["id"]}}), total=1)
rule = call("Sip.addGatewayRule", rule={"gateway_id": gateway["id"], "prefix": "0031", "strip": 2, "prepend": "99"})
has("addGatewayRule", rule, gateway="gw", carrier="Carrier 1", prepend="99")
has("updateGatewayRule", call("Sip.updateGatewayRule", rule={"id": rule["id"], "strip": 4}), strip=4, prefix="0031")
has("getGatewayRules", call("Sip.getGatewayRules", query={"filter": {"prefix": "003%"}}), total=1)
call("Sip.addRoutes", routes=[{"prefix": "0031", "carrier_id": carrier["id"], "priority": 1}, {"carrier_id": carrier["id"]}])
routes = call("Sip.getRoutes", query={"filter": {"carrier_id": carrier["id"]}})
expect("getRoutes", [route["prefix"] for route in routes["routes"]], [None, "0031"])
call("Sip.updateRoutes", routes=[{"id": route["id"], "priority": 7} for route in routes["routes"]])
routes = call("Sip.getRoutes", query={"filter": {"carrier_id": carrier["id"]}})
expect("updateRoutes", [route["priority"] for route in routes["routes"]], [7, 7])
call("Sip.deleteCarrier", id=carrier["id"], fault=1082)
has("getCarriers", call("Sip.getCarriers", query={"filter": {"name": "Carrier%"}}), total=1)
call("Sip.addTrustedPeer", peer={"ip": "192.0.2.77", "description": "peer", "callLimit": 3})
call("Sip.updateTrustedPeer", peer={"ip": "192.0.2.77", "blocked": 1})
peers = call("Sip.getTrustedPeers", query={"filter": {"ip": "192.0.2.77"}})
has("getTrustedPeers", peers["peers"][0], blocked=1, callLimit=3, description="peer")

# What accounts want done with their calls.
call("Sip.setCallDiversions", sipId=alice, diversions={"FUNC": "sip:bob@" + DOMAIN, "FBUS": "<voice-mailbox>"})
has("getCallDiversions", call("Sip.getCallDiversions", sipId=alice), FUNC="sip:bob@" + DOMAIN, FBUS="<voice-mailbox>", FNOA=None)
call("Sip.addPhonebookEntry", sipId=alice, entry={"uri": "sip:bob@" + DOMAIN, "name": "Bob", "group": "vip"})
call("Sip.addPhonebookEntry", sipId=alice, entry={"uri": "sip:bob@" + DOMAIN}, fault=1041)
call("Sip.updatePhonebookEntry", sipId=alice, entry={"uri": "sip:bob@" + DOMAIN, "name": "Bobby"})
entries = call("Sip.getPhonebookEntries", sipId=alice, match={"name": "%bob%"}, range={"start": 0, "count": 10})
expect("getPhonebookEntries", (entries["total"], entries["entries"][0]["name"], entries["entries"][0]["group"]), (1, "Bobby", "vip"))
rules = {
    # zeep takes a list for an array, but not within the items of another.
    "persistent": [{"days": 31, "start": "08:00", "stop": "18:00", "groups": {"item": ["vip"]}}],
    "temporary": {"groups": ["nobody"], "duration": 30},
}
call("Sip.setAcceptRules", sipId=alice, rules=rules)
accept = call("Sip.getAcceptRules", sipId=alice)
expect("getAcceptRules", accept["rules"]["persistent"], [{"days": 31, "start": "08:00", "stop": "18:00", "groups": ["vip"]}])
has("getAcceptRules", accept["rules"]["temporary"], groups=["nobody"], duration=30)
expect("nonEmptyGroups", accept["nonEmptyGroups"], ["vip"])
call("Sip.setRejectMembers", sipId=alice, members=["sip:spam@example.net"])
expect("getRejectMembers", call("Sip.getRejectMembers", sipId=alice), ["sip:spam@example.net"])
call("Sip.setBarringPrefixes", sipId=alice, prefixes=["+31900", "+1"])
expect("getBarringPrefixes", call("Sip.getBarringPrefixes", sipId=alice), ["+1", "+31900"])
call("Sip.setBarringPrefixes", sipId=alice, prefixes=["0900"], fault=101)
call("Sip.deletePhonebookEntry", sipId=alice, uri="sip:bob@" + DOMAIN)
call("Sip.deletePhonebookEntry", sipId=alice, uri="sip:bob@" + DOMAIN, fault=1040)

# Money.
has("addBalance", call("Sip.addBalance", sipId=alice, value=10.5, description="CC transaction 1"), old_balance=0.0, new_balance=10.5)
has("addBalance less", call("Sip.addBalance", sipId=alice, value=-0.25, description="Refund 1"), old_balance=10.5, new_balance=10.25)
call("Sip.addBalance", sipId=alice, value=-100, description="too much", fault=1130)
call("Platform.addVoucher", card={"id": 1, "number": "zeep-0001"}, value=5, expires=0)
has("voucher", call("Sip.addBalanceFromVoucher", sipId=alice, card={"id": 1, "number": "zeep-0001"}), new_balance=15.25)
call("Sip.addBalanceFromVoucher", sipId=alice, card={"id": 1, "number": "zeep-0001"}, fault=1122)
call("Sip.addBalanceFromVoucher", sipId=alice, card={"id": 1, "number": "zeep-none"}, fault=1120)
status = call("Sip.getPrepaidStatus", sipIds=[bob, alice])
expect("getPrepaidStatus", [one["balance"] for one in status], [0.0, 15.25])
# A structure with one member comes as that member.
history = call("Sip.getCreditHistory", sipId=alice, count=10)
expect("getCreditHistory", [(line["value"], line["balance"]) for line in history], [(5.0, 15.25), (-0.25, 10.25), (10.5, 10.5)])
expect("getCreditHistory text", history[2]["description"], "CC transaction 1")

# Live state.
expect("getCalls", call("Sip.getCalls", sipId=bob, query={"placed": {"limit": 5}}), {"placed": [], "received": []})
has("getCallStatistics", call("Sip.getCallStatistics", sipId=bob, query={})["placed"], calls=0, price=0.0)
locations = call("Sip.getSipDeviceLocations", sipIds=[bob])
expect("getSipDeviceLocations", locations, [{"id": bob, "locations": []}])
expect("getSipTrace", json.loads(call("Sip.getSipTrace", filter={"callId": "x"})), [])
traced = json.loads(call("Sip.getSipTrace", filter={"callId": "call-1", "fromTag": "f", "toTag": "t"}))
shown = [(one["direction"], one["method"], one["status"], one["from_ip"]) for one in traced]
# What a server of the tests has; a ring has seen no such call.
there = [("in", "INVITE", "", "udp:192.0.2.7:5070"), ("out", "INVITE", "180 Ringing", "udp:192.0.2.1:5060")]
expect("getSipTrace", shown, there if shown else [])
expect("getSipTrace of another", json.loads(call("Sip.getSipTrace", filter={"callId": "call-1", "fromTag": "z"})), [])
call("Sip.getSipTrace", filter={"nodeIp": "192.0.2.1"}, fault=102)
call("Platform.startSipTrace", sipId=alice, seconds=5, auth=as_customer, fault=902)
call("Platform.startSipTrace", sipId=alice, seconds=4000, fault=101)
call("Platform.startSipTrace", sipId=nobody, seconds=0, fault=1010)
call("Platform.startSipTrace", sipId=alice, seconds=0)
expect("getSipTraces", [one["account"] for one in call("Platform.getSipTraces")], ["alice@" + DOMAIN])
kept = json.loads(call("Platform.getSipTraceMessages", sipId=alice, after="n1=1"))
expect("getSipTraceMessages", [one["seq"] for one in kept["messages"]], [2] if shown else [])
call("Platform.getSipTraceMessages", sipId=alice, after="n1", fault=101)
call("Platform.stopSipTrace", sipId=alice)
call("Platform.stopSipTrace", sipId=alice, fault=1062)
call("Sip.getMediaTrace", filter={"callId": "none"}, fault=1060)
media = call("Sip.getMediaTrace", filter={"callId": "call-1"}, fault=None if shown else 1060)
expect("getMediaTrace", media and json.loads(media)["duration"], 61 if shown else None)
expect("getMediaSummary", len(json.loads(call("Sip.getMediaSummary"))), len(urls))
expect("getMediaSessions", json.loads(call("Sip.getMediaSessions")), [])
expect("getStatus", len(json.loads(call("Network.getStatus"))), len(urls))
expect("getStatistics", "summary" in json.loads(call("Network.getStatistics")), True)

# Voicemail.
box = call("Voicemail.addAccount", account={"sipId": alice, "password": "1234", "email": "a@example.com", "options": {"delete": True}})
call("Voicemail.addAccount", account={"sipId": alice, "password": "1234"}, fault=2001)
call("Voicemail.updateAccount", account={"sipId": alice, "name": "Alice"})
has("voicemail", call("Voicemail.getAccount", sipId=alice), name="Alice", mailbox=box["mailbox"], options={"delete": True})
call("Voicemail.setAnnouncement", sipId=alice, message="UklGRg==")
call("Voicemail.deleteAccount", sipId=alice)
call("Voicemail.getAccount", sipId=alice, fault=2000)

# ENUM.
TLD = "e164.zeep.example"
call("Enum.addRange", range={"id": {"prefix": "3120", "tld": TLD}, "minDigits": 9, "maxDigits": 11, "customer": customer["id"], "reseller": reseller["id"]})
call("Enum.addRange", range={"id": {"prefix": "3120", "tld": TLD}}, fault=3001)
call("Enum.updateRange", range={"id": {"prefix": "3120", "tld": TLD}, "info": "Amsterdam"})
number = {"number": "31201234567", "tld": TLD}
call("Enum.getNumber", enumId=number, fault=3002)
call("Enum.addNumber", number={"id": number, "mappings": [{"type": "sip", "mapto": "sip:alice@" + DOMAIN}]})
call("Enum.addNumber", number={"id": {"number": "49301234567", "tld": TLD}}, fault=3000)
call("Enum.addNumber", number={"id": {"number": "31201", "tld": TLD}}, fault=101)
got = call("Enum.getNumber", enumId=number)
has("getNumber", got, customer=customer["id"])
mapping = got["mappings"][0]
has("mapping", mapping, priority=5, ttl=3600, mapto="sip:alice@" + DOMAIN)
call("Enum.updateNumber", number={"id": number, "mappings": [mapping, {"type": "mailto", "mapto": "mailto:a@example.com"}]})
numbers = call("Enum.getNumbers", query={"filter": {"mapto": "alice@" + DOMAIN}})
expect("getNumbers", (numbers["total"], numbers["numbers"][0]["mappings"][0]["id"]), (1, mapping["id"]))
ranges = call("Enum.getRanges", query={"filter": {"prefix": "31%"}})
has("getRanges", ranges["ranges"][0], used=1, info="Amsterdam", minDigits=9)
call("Enum.deleteRange", range={"prefix": "3120", "tld": TLD}, fault=3004)
call("Enum.deleteNumber", enumId=number)
call("Enum.deleteRange", range={"prefix": "3120", "tld": TLD})

# DNS.
call("Dns.addZone", zone={"name": DOMAIN, "email": "hostmaster@" + DOMAIN, "nameservers": ["ns1." + DOMAIN]})
call("Dns.addZone", zone={"name": DOMAIN}, fault=7001)
call("Dns.updateZone", zone={"name": DOMAIN, "ttl": 60})
record = call("Dns.addRecord", record={"zone": DOMAIN, "name": "www", "type": "A", "value": "192.0.2.80"})
has("addRecord", record, ttl=60, name="www." + DOMAIN)
before = call("Dns.getZone", zone=DOMAIN)["serial"]
call("Dns.addRecord", record={"zone": DOMAIN, "name": "www", "type": "A", "value": "192.0.2.80"}, fault=7003)
call("Dns.addRecord", record={"zone": DOMAIN, "name": "www", "type": "A", "value": "www.example"}, fault=101)
call("Dns.updateRecord", record={"id": record["id"], "value": "192.0.2.81"})
has("getRecord", call("Dns.getRecord", recordId=record["id"]), value="192.0.2.81", type="A")
has("getRecords", call("Dns.getRecords", query={"filter": {"zone": DOMAIN}}), total=1)
fancy = call("Dns.addFancyRecord", record={"zone": DOMAIN, "name": "info", "type": "MBOXFW", "value": "a@example.com"})
call("Dns.updateFancyRecord", record={"id": fancy["id"], "value": "b@example.com"})
has("getFancyRecord", call("Dns.getFancyRecord", recordId=fancy["id"]), value="b@example.com")
call("Dns.getRecord", recordId=fancy["id"], fault=7002)
has("getFancyRecords", call("Dns.getFancyRecords", query={"filter": {"type": "MBOXFW", "zone": DOMAIN}}), total=1)
call("Dns.deleteFancyRecord", recordId=fancy["id"])
call("Dns.deleteRecord", recordId=record["id"])
call("Dns.deleteRecord", recordId=record["id"], fault=7002)
zone = call("Dns.getZone", zone=DOMAIN)
expect("serial", zone["serial"] - before, 5)
has("getZones", call("Dns.getZones", query={"filter": {"name": DOMAIN}}), total=1)
call("Dns.deleteZone", zone=DOMAIN)
call("Dns.getZone", zone=DOMAIN, fault=7000)

# Rating.
entity = "subscriber://alice@" + DOMAIN
call("Rating.getEntityProfiles", entity=entity, fault=4001)
call("Rating.setEntityProfiles", profiles={"entity": entity, "profileWeekday": "5", "timezone": "Europe/Amsterdam"})
has("getEntityProfiles", call("Rating.getEntityProfiles", entity=entity), profileWeekday="5", timezone="Europe/Amsterdam")
call("Rating.deleteEntityProfiles", entity=entity)
call("Rating.deleteEntityProfiles", entity=entity, fault=4001)

# Presence, with the account's own password.
own = {"sipId": alice, "password": "pw"}
call("Presence.setPresenceInformation", **own, information={"activity": "busy", "note": "Lunch"})
has("getPresenceInformation", call("Presence.getPresenceInformation", **own), activity="busy", note="Lunch")
call("Presence.getPresenceInformation", sipId=alice, password="wrong", fault=901)
call("Presence.setPolicy", **own, policy={"default": "deny", "rules": [{"watcher": "bob@" + DOMAIN, "policy": "allow"}]})
has("getPolicy", call("Presence.getPolicy", **own), default="deny")
expect("getWatchers", call("Presence.getWatchers", **own), [])
call("Presence.deletePresenceInformation", **own)
has("deletePresenceInformation", call("Presence.getPresenceInformation", **own), activity=None)

# One call for all of a subscriber.
carol = {"username": "carol", "domain": DOMAIN}
call("Enum.addRange", range={"id": {"prefix": "3120", "tld": TLD}})
subscriber = {
    "account": {"id": carol, "password": "pw", "groups": ["free-pstn"]},
    "aliases": [{"username": "carol.c", "domain": DOMAIN}],
    "voicemail": {"email": "c@example.com"},
    "numbers": [number],
    "diversions": {"FNOA": "<voice-mailbox>"},
    "balance": 3.5,
}
made = call("Platform.addSubscriber", subscriber=subscriber)
has("addSubscriber", made["account"], id=carol)
call("Platform.addSubscriber", subscriber=subscriber, fault=1011)
got = call("Platform.getSubscriber", sipId=carol)
has("getSubscriber", got, balance=3.5, numbers=[number], aliases=subscriber["aliases"])
has("its alias", call("Sip.getAlias", id=subscriber["aliases"][0]), target=carol)
has("its number", call("Enum.getNumber", enumId=number)["mappings"][0], mapto="sip:carol@" + DOMAIN)
has("its diversions", call("Sip.getCallDiversions", sipId=carol), FNOA="<voice-mailbox>")
has("its mailbox", call("Voicemail.getAccount", sipId=carol), email="c@example.com")
call("Platform.deleteSubscriber", sipId=carol)
call("Sip.getAccount", sipId=carol, fault=1010)
call("Sip.getAlias", id=subscriber["aliases"][0], fault=1020)
call("Enum.getNumber", enumId=number, fault=3002)
call("Voicemail.getAccount", sipId=carol, fault=2000)
call("Enum.deleteRange", range={"prefix": "3120", "tld": TLD})

# All of it away again.
call("Sip.deleteRoutes", routes=[{"id": route["id"]} for route in routes["routes"]])
call("Sip.deleteGateway", id=gateway["id"], fault=1092)
call("Sip.deleteGatewayRule", id=rule["id"])
call("Sip.deleteGateway", id=gateway["id"])
call("Sip.deleteCarrier", id=carrier["id"])
call("Sip.deleteTrustedPeer", ip="192.0.2.77")
call("Sip.deleteAlias", id=sales)
call("Sip.deleteDomain", domain=DOMAIN, fault=1002)
call("Sip.deleteAccount", sipId=alice)
call("Sip.deleteAccount", sipId=bob)
call("Customer.deleteAccount", id=customer["id"], fault=5002)
call("Sip.deleteDomain", domain=DOMAIN)
call("Customer.deleteAccount", id=customer["id"])
call("Customer.deleteAccount", id=reseller["id"])

known = [
    port[:-4] + "." + operation
    for service in clients[0].wsdl.services.values()
    for port, definition in service.ports.items()
    for operation in definition.binding._operations
]
missed = sorted(set(known) - answered)
print(json.dumps({"calls": step, "perNode": per_node, "operations": len(known), "missed": missed, "wrong": wrong}))
