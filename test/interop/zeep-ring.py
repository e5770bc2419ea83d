"""Drives the provisioning interface of several nodes: each step at the node that it names. One line of JSON comes out.

    zeep-ring.py PASSWORD URL [URL …]  < steps

Steps are lines of JSON: {"node": 0, "name": "getAccount", "arguments": {…}, "password": "…"}. A name of another port
than Sip has it in front: "Platform.addVoucher".
"""
import json
import sys

import zeep
from zeep.helpers import serialize_object

password, urls = sys.argv[1], sys.argv[2:]
clients = [zeep.Client(url + "wsdl") for url in urls]
answers = []
for line in sys.stdin:
    step = json.loads(line)
    auth = {"username": "admin", "password": step.get("password", password), "admin": True, "impersonate": 0}
    port, _, name = step["name"].rpartition(".")
    client = clients[step["node"]]
    operation = getattr(client.bind("NGNPro", port + "Port") if port else client.service, name)
    try:
        value = operation(**step["arguments"], _soapheaders={"auth": auth})
        answers.append({"value": serialize_object(value, dict)})
    except zeep.exceptions.Fault as fault:
        exception = fault.detail.find("exception") if fault.detail is not None else None
        code = None if exception is None else int(exception.find("errorcode").text)
        answers.append({"fault": fault.message, "code": code})
print(json.dumps({"answers": answers}))
