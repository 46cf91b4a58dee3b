/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PowerShell script for Windows 10 and later. The gateway's certificate is trusted by the machine, so the script
 * wants an administrator and makes a connection of all users. It is UTF-8 with a mark, or Windows PowerShell 5 would
 * take it for another character set. */
#include "profile.h"

static const char head[] = "\xef\xbb\xbf# Written by holdfast profile. Run it as administrator; running it again "
			   "replaces the connection.\n"
			   "#Requires -Version 5.1\n"
			   "#Requires -RunAsAdministrator\n"
			   "$ErrorActionPreference = 'Stop'\n";

static const char old[] = "\nGet-VpnConnection -Name $name -AllUserConnection -ErrorAction SilentlyContinue |\n"
			  "    Remove-VpnConnection -AllUserConnection -Force\n";

/* NetworkOutageTime, in seconds: how long the tunnel is kept while there is no network at all. No cmdlet sets it. The
 * phone book is read as Latin-1, which changes no octet of it. */
static const char mobility[] =
	"\n# MOBIKE on, and the tunnel kept for half an hour without any network.\n"
	"$book = Join-Path $env:ProgramData 'Microsoft\\Network\\Connections\\Pbk\\rasphone.pbk'\n"
	"$latin1 = [Text.Encoding]::GetEncoding(28591)\n"
	"$ours = $false\n"
	"$lines = foreach ($line in [IO.File]::ReadAllLines($book, $latin1)) {\n"
	"    if ($line.StartsWith('[')) { $ours = $line -eq \"[$name]\" }\n"
	"    if ($ours -and $line.StartsWith('DisableMobility=')) { 'DisableMobility=0' }\n"
	"    elseif ($ours -and $line.StartsWith('NetworkOutageTime=')) { 'NetworkOutageTime=1800' }\n"
	"    else { $line }\n"
	"}\n"
	"[IO.File]::WriteAllLines($book, [string[]]$lines, $latin1)\n";

static void assign(struct text *t, const char *variable, const char *value)
{
	text_add(t, "$%s = ", variable);
	text_add_powershell(t, value);
	text_add(t, "\n");
}

static void assign_octets(struct text *t, const char *variable, const struct octets *o)
{
	text_add(t, "$%s = [Convert]::FromBase64String('", variable);
	text_add_base64(t, o->at, o->n);
	text_add(t, "')\n");
}

static void add_to_store(struct text *t, const char *store, const char *certificate)
{
	text_add(t,
		 "$store = New-Object Security.Cryptography.X509Certificates.X509Store '%s', 'LocalMachine'\n"
		 "$store.Open('ReadWrite')\n"
		 "$store.Add($%s)\n"
		 "$store.Close()\n",
		 store, certificate);
}

static void certificates(const struct profile *p, struct text *t)
{
	if (p->ca_der.at) {
		text_add(t, "\n");
		assign_octets(t, "octets", &p->ca_der);
		text_add(t, "$ca = New-Object Security.Cryptography.X509Certificates.X509Certificate2 (,$octets)\n");
		add_to_store(t, "Root", "ca");
	}
	if (p->pkcs12.at) {
		text_add(t, "\n");
		assign_octets(t, "octets", &p->pkcs12);
		if (p->secret)
			assign(t, "password", p->secret);
		else
			text_add(t, "$password = Read-Host -AsSecureString -Prompt 'Password of the certificate'\n");
		text_add(t, "$own = New-Object Security.Cryptography.X509Certificates.X509Certificate2 "
			    "$octets, $password, 'MachineKeySet, PersistKeySet'\n");
		add_to_store(t, "My", "own");
	}
}

static void connection(const struct profile *p, struct text *t)
{
	text_add(t, "%s", old);
	text_add(t, "$options = @{\n"
		    "    Name = $name\n"
		    "    ServerAddress = $gateway\n"
		    "    TunnelType = 'Ikev2'\n"
		    "    EncryptionLevel = 'Maximum'\n"
		    "    AllUserConnection = $true\n");
	if (p->auth == AUTH_EAP)
		text_add(t, "    AuthenticationMethod = 'Eap'\n"
			    "    EapConfigXmlStream = (New-EapConfiguration).EapConfigXmlStream  # EAP-MSCHAPv2\n"
			    "    RememberCredential = $true\n");
	else
		text_add(t, "    AuthenticationMethod = 'MachineCertificate'\n");
	if (p->auth == AUTH_CERT && p->ca_der.at)
		text_add(t, "    MachineCertificateIssuerFilter = $ca\n");
	text_add(t,
		 "    SplitTunneling = $%s\n"
		 "    Force = $true\n"
		 "}\n"
		 "Add-VpnConnection @options\n",
		 p->remotes.n > 0 ? "true" : "false");
	text_add(t, "Set-VpnConnectionIPsecConfiguration -ConnectionName $name -AllUserConnection -Force `\n"
		    "    -EncryptionMethod AES256 -IntegrityCheckMethod SHA256 -DHGroup ECP256 `\n"
		    "    -CipherTransformConstants GCMAES128 -AuthenticationTransformConstants GCMAES128 -PfsGroup "
		    "ECP256\n");
	for (size_t i = 0; i < p->remotes.n; i++) {
		text_add(t, "Add-VpnConnectionRoute -ConnectionName $name -AllUserConnection -DestinationPrefix ");
		text_add_powershell(t, p->remotes.at[i]);
		text_add(t, "\n");
	}
}

void profile_windows(const struct profile *p, struct text *t)
{
	text_add(t, "%s", head);
	assign(t, "name", p->name);
	assign(t, "gateway", p->gateways.at[0]);
	assign(t, "user", p->user);
	certificates(p, t);
	connection(p, t);
	text_add(t, "%s", mobility);
	if (p->auth == AUTH_EAP)
		text_add(t,
			 "\nWrite-Host \"$name is ready. Connect, and give the user name $user and the password.\"\n");
	else
		text_add(t, "\nWrite-Host \"$name is ready for $user.\"\n");
}
