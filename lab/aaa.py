# SPDX-License-Identifier: GPL-2.0-or-later
"""An AAA server: FreeRADIUS with a configuration of its own, of the machine's it uses only the dictionaries.

    server = RadiusServer(ns, "10.0.20.1", authority)
    server.add_client("ar1", "10.0.1.1", "its secret")
    server.add_user("alice@example.com", "her password", "Session-Timeout = 3600")
    server.start()"""
import os
import re
import secrets
import signal

from net import LabError, wait_for

AUTH_PORT, ACCT_PORT = 1812, 1813
KEY_OCTETS, FIRST_SPI = 32, 0x1001
SERVER_NAME = "aaa.example.com"
ANONYMOUS = "anonymous@example.com"  # what everybody around may read

# What passwords are proved by, outside of EAP and inside of its tunnels; ends within `authenticate`.
METHODS = """\
		passwords
		chap
		mschap
		pap
	}
	authenticate {
		Auth-Type PAP {
			pap
		}
		Auth-Type CHAP {
			chap
		}
		Auth-Type MS-CHAP {
			mschap
		}
"""

# Three virtual servers: `access` for authenticators, `tunnel` for what is said inside of TTLS and PEAP, `keys` for home
# agents. Whoever is let in has an entry in the file `profile`, by the name that was proved; it is looked up when all is
# done, so that it is the same for a session that is resumed.
RADIUSD = """\
name = radiusd
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {dir}
run_dir = {dir}
pidfile = {dir}/pid
max_request_time = 10
cleanup_delay = 5
max_requests = 16384
hostname_lookups = no
log {{
	destination = files
	file = {dir}/log
	auth = yes
}}
security {{
	reject_delay = 0
	status_server = yes
	allow_vulnerable_openssl = yes
}}
thread pool {{
	start_servers = 2
	max_servers = 8
	min_spare_servers = 1
	max_spare_servers = 8
}}
{clients}
modules {{
	always ok {{
		rcode = ok
	}}
	always reject {{
		rcode = reject
	}}
	pap {{
	}}
	chap {{
	}}
	mschap {{
	}}
	files passwords {{
		usersfile = {dir}/passwords
	}}
	files profile {{
		key = "%{{%{{reply:User-Name}}:-%{{User-Name}}}}"
		postauth_usersfile = {dir}/profile
	}}
	files keys {{
		usersfile = {dir}/keys
	}}
	linelog logins {{
		filename = {dir}/logins
		format = "%{{reply:Packet-Type}} user=%{{reply:User-Name}} outer=%{{User-Name}} type=%{{EAP-Type}} resumed=%{{EAP-Session-Resumed}} station=%{{Calling-Station-Id}} nas=%{{NAS-Identifier}}"
	}}
	linelog accounting {{
		filename = {dir}/accounting
		format = "%{{Acct-Status-Type}} user=%{{User-Name}} session=%{{Acct-Session-Id}} station=%{{Calling-Station-Id}} cause=%{{Acct-Terminate-Cause}}"
	}}
	eap inside {{
		default_eap_type = mschapv2
		mschapv2 {{
		}}
	}}
	eap {{
		default_eap_type = ttls
		max_sessions = 16384
		tls-config common {{
			private_key_file = {key}
			certificate_file = {cert}
			ca_file = {ca}
			tls_min_version = "1.2"
			tls_max_version = "1.2"
			ecdh_curve = "prime256v1"
			cache {{
				enable = {resume}
				lifetime = 1
				name = "lab"
				persist_dir = {dir}/sessions
				store {{
					User-Name
				}}
			}}
		}}
		tls {{
			tls = common
		}}
		ttls {{
			tls = common
			virtual_server = tunnel
			default_eap_type = mschapv2
			copy_request_to_tunnel = yes
			use_tunneled_reply = yes
		}}
		peap {{
			tls = common
			virtual_server = tunnel
			default_eap_type = mschapv2
			copy_request_to_tunnel = yes
			use_tunneled_reply = yes
		}}
	}}
}}
server access {{
	listen {{
		type = auth
		ipaddr = {address}
		port = {auth_port}
	}}
	listen {{
		type = acct
		ipaddr = {address}
		port = {acct_port}
	}}
	authorize {{
		eap {{
			ok = return
		}}
{methods}		eap
	}}
	post-auth {{
		if (&session-state:User-Name) {{
			update reply {{
				&User-Name := &session-state:User-Name
			}}
		}}
		elsif (&TLS-Client-Cert-Subject-Alt-Name-Email) {{
			update reply {{
				&User-Name := &TLS-Client-Cert-Subject-Alt-Name-Email
			}}
		}}
		elsif (!&reply:User-Name && !&EAP-Message) {{
			update reply {{
				&User-Name := &User-Name
			}}
		}}
		profile
		if (notfound || noop) {{
			reject
		}}
		update reply {{
			&Message-Authenticator := 0x00
		}}
		logins
		Post-Auth-Type REJECT {{
			update reply {{
				&Message-Authenticator := 0x00
			}}
			logins
		}}
	}}
	accounting {{
		accounting
	}}
}}
server tunnel {{
	authorize {{
		inside {{
			ok = return
		}}
{methods}		inside
	}}
	post-auth {{
		update reply {{
			&User-Name := &request:User-Name
		}}
	}}
}}
server keys {{
	authorize {{
		keys
		if (notfound || noop) {{
			reject
		}}
	}}
	authenticate {{
	}}
	post-auth {{
		update reply {{
			&Message-Authenticator := 0x00
		}}
		Post-Auth-Type REJECT {{
			update reply {{
				&Message-Authenticator := 0x00
			}}
		}}
	}}
}}
"""
CLIENT = """\
client {name} {{
	ipaddr = {address}
	secret = "{secret}"
	require_message_authenticator = no
	virtual_server = {server}
}}
"""


class User:
    """Who is known: a password (None: only a certificate), a key for Mobile IP with its SPI, and what else the reply says."""

    def __init__(self, nai, password, spi, reply):
        self.nai, self.password, self.spi, self.reply = nai, password, spi, list(reply)
        self.key = secrets.token_hex(KEY_OCTETS)

    def profile(self):
        return [f"WiMAX-MN-hHA-MIP4-SPI = {self.spi}", f"WiMAX-MN-hHA-MIP4-Key = 0x{self.key}", *self.reply]


def private(path, text):
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(text)
    return path


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def entries(rows):
    """@rows: (name, check item, replies). As FreeRADIUS's users files are written."""
    return "".join(f'"{name}" {check}\n' + ",\n".join(f"\t{r}" for r in replies) + "\n" for name, check, replies in rows)


class RadiusServer:
    """FreeRADIUS with TTLS, PEAP and TLS (no MD5), PAP and CHAP. Its files are in a directory of the network's."""

    def __init__(self, ns, address, authority, name="aaa", resume=True):
        self.ns, self.address, self.resume = ns, address, resume
        self.directory = os.path.join(ns.net.dir, name)
        os.makedirs(self.path("sessions"), mode=0o700)
        self.ca = authority.ca
        self.cert, self.key = authority.issue(name, SERVER_NAME, flag="serverAuth")
        self.users, self.clients, self.process = {}, [], None

    def path(self, name):
        return os.path.join(self.directory, name)

    def add_client(self, name, address, secret, server="access"):
        """server: `access`, or `keys` for a home agent."""
        self.clients.append(CLIENT.format(name=name, address=address, secret=secret, server=server))

    def add_user(self, nai, password=None, *reply):
        """reply: attributes as in FreeRADIUS's files, `Session-Timeout = 60`. Before start(), or followed by reload()."""
        u = self.users[nai] = User(nai, password, FIRST_SPI + len(self.users), reply)
        return u

    def _write_users(self):
        known = self.users.values()
        private(self.path("passwords"), entries((u.nai, f'Cleartext-Password := "{u.password}"', []) for u in known
                                                if u.password is not None))
        private(self.path("profile"), entries((u.nai, "", u.profile()) for u in known))
        private(self.path("keys"), entries((u.nai, f"WiMAX-RRQ-MN-HA-SPI == {u.spi}, Auth-Type := Accept", [
            f"WiMAX-RRQ-MN-HA-SPI = {u.spi}", f"WiMAX-RRQ-MN-HA-Key = 0x{u.key}", *u.reply]) for u in known))

    def start(self):
        private(self.path("radiusd.conf"), RADIUSD.format(
            methods=METHODS, dir=self.directory, clients="".join(self.clients), key=self.key, cert=self.cert, ca=self.ca,
            resume="yes" if self.resume else "no", address=self.address, auth_port=AUTH_PORT, acct_port=ACCT_PORT))
        self._write_users()
        self._started = self.log().count("Ready to process requests")
        self.process = self.ns.start("freeradius", "-d", self.directory, "-n", "radiusd", "-f", log=self.path("output"))
        wait_for(self._is_ready, "FreeRADIUS to start", limit=60)  # slow where the machine is emulated
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise LabError(f"FreeRADIUS ended: {self.log()[-2000:]}{read(self.path('output'))[-2000:]}")
        return self.log().count("Ready to process requests") > self._started

    def stop(self, sig=signal.SIGTERM):
        self.ns.net.stop(self.process, sig)

    def reload(self):
        """Takes users that were added or changed since."""
        self._write_users()
        self.stop()
        self.start()

    def log(self):
        return read(self.path("log"))

    def logins(self, mac=None):
        """What was answered, about all or one: dictionaries with answer, user, outer, type, resumed, station, nas."""
        found = [dict(answer=m[1], **dict(re.findall(r"(\w+)=(\S*)", m[2])))
                 for m in re.finditer(r"^(\S+) (.*)$", read(self.path("logins")), re.M)]
        return [x for x in found if mac is None or x["station"].lower() == mac.replace(":", "-")]

    def accounting(self):
        """What was told: dictionaries with status, user, session, station, cause."""
        return [dict(status=m[1], **dict(re.findall(r"(\w+)=(\S*)", m[2])))
                for m in re.finditer(r"^(\S+) (.*)$", read(self.path("accounting")), re.M)]


def radius_host(office, authority):
    """A server on a host of its own beside the office's core: 10.0.20.1."""
    host = office.net.add("aaa")
    office.net.link(office.core, "aaa", host, "core")
    office.core.batch("address add 10.0.20.254/24 dev aaa")
    host.batch("address add 10.0.20.1/24 dev core", "route add default via 10.0.20.254")
    return RadiusServer(host, "10.0.20.1", authority)
