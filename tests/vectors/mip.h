/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole Mobile IPv4 messages, composed field by field from the RFCs; digests computed with Python's hmac and hashlib,
 * layouts accepted by tshark. Keys: KEY1 = 00 01 .. 0f, KEY2 = 10 11 .. 1f. */
#ifndef HF_TESTS_VECTORS_MIP_H
#define HF_TESTS_VECTORS_MIP_H

#define VECTOR_KEY1 "000102030405060708090a0b0c0d0e0f"
#define VECTOR_KEY2 "101112131415161718191a1b1c1d1e1f"

/* Flags D and T, 1800 s, home 0.0.0.0, home agent 10.0.0.1, care-of 10.0.1.7. */
#define VECTOR_REQUEST_FIXED "01220708000000000a0000010a000107d000000012345678"
#define VECTOR_NAI "830e6d6e406578616d706c652e636f6d" /* mn@example.com */
#define VECTOR_MN_HA_HEADER "201400000100"            /* SPI 256 */
#define VECTOR_MN_HA_HMAC_MD5 "b8dc445dfadbf3bfc652cbd05fbe8e73"
#define VECTOR_MN_HA_KEYED_MD5 "631edabed7a743a92b8ca3b0b734ad48"
#define VECTOR_MN_HA_KEYED_MD5_2002 "0c1201252ec3f024f56011c80675e7fc"
#define VECTOR_MN_HA_HMAC_SHA_256 "3b0224a95e614ee28e4951012f6dec65c6d2b944636ae77214c9136191e5251d"
#define VECTOR_REVOCATION_SUPPORT "890680005f000000" /* I */
#define VECTOR_FA_HA_HEADER "221400000101"           /* SPI 257 */
#define VECTOR_FA_HA_HMAC_MD5 "82519981ce4fb4f8cf37c8308c180d12"

/* As a foreign agent relays it: 92 octets. */
#define VECTOR_REQUEST_RELAYED                                                                                         \
	VECTOR_REQUEST_FIXED VECTOR_NAI VECTOR_MN_HA_HEADER VECTOR_MN_HA_HMAC_MD5 VECTOR_REVOCATION_SUPPORT            \
		VECTOR_FA_HA_HEADER VECTOR_FA_HA_HMAC_MD5

/* Code 0, 1800 s, home 10.0.2.33; NAI and TNC before the authenticator. */
#define VECTOR_REPLY_FIXED "030007080a0002210a000001d000000012345678"
#define VECTOR_TNC "95020000"
#define VECTOR_REPLY_HMAC_MD5 "26e1f16135ab7a32fdc948e9a29843ea"
#define VECTOR_REPLY VECTOR_REPLY_FIXED VECTOR_NAI VECTOR_TNC VECTOR_MN_HA_HEADER VECTOR_REPLY_HMAC_MD5

/* The next four by scapy's Mobile IP layers, with extensions and digests by Python's struct and hmac. KEY2 is shared with the
 * agent that is not the home agent. */

/* A mobile node asks a foreign agent for T and encapsulating delivery, with its challenge: NAI, 32 (SPI 256), 130, 132,
 * 33 (SPI 258). Home 10.0.2.33, care-of 192.0.2.1, 600 s. */
#define VECTOR_TO_AGENT                                                                                                \
	"010202580a0002210a000001c0000201d000000012345678" VECTOR_NAI                                                  \
	"201400000100011e9b12ee6d32973995cf3bd9dd230c8200"                                                             \
	"8404a1a2a3a4211400000102"                                                                                     \
	"38d433ade588d76494edeb9d9343c2b6"

/* S B D G T, for ever, of any home agent (255.255.255.255): NAI, 144 (F, R, GRE), 48 (01020304), 139 (asks for 10.0.0.1), 32. */
#define VECTOR_ASKS_ALL                                                                                                \
	"01eaffff00000000ffffffffc0a80707d000000012345678" VECTOR_NAI "90060000c02f0000"                               \
	"3000000401020304"                                                                                             \
	"8b0100040a000001"                                                                                             \
	"20140000010085a52addf6a7540e6bcf7f6e1310120c"

/* Code 1, 60 s: NAI, 44 (F, 110 s), 149, 145 ("hi"), 48 (05060708), 32, 137 (I), 34 (SPI 257). */
#define VECTOR_ANSWERS_ALL                                                                                             \
	"0301003c0a0002210a000001d000000012345678" VECTOR_NAI "2c0600008000006e"                                       \
	"95020000"                                                                                                     \
	"9103016869"                                                                                                   \
	"3000000405060708"                                                                                             \
	"2014000001008e1d0b0a7e6f0b7286d1f588b24bd9af"                                                                 \
	"890680005f000001"                                                                                             \
	"2214000001018761342f77626b925791b8cf21fd3563"

/* A foreign agent denies with 69 and 600 s: NAI, 33. */
#define VECTOR_AGENT_DENIES                                                                                            \
	"034502580a0002210a000001d000000012345678" VECTOR_NAI "211400000102beb5728513866a71f511ca358ead5748"

/* A and I set, home 10.0.2.33, home agent 10.0.0.1, care-of 10.0.1.7. */
#define VECTOR_REVOCATION_FIXED "0700c0000a0002210a0000010a0001075f000010"
#define VECTOR_REVOCATION_HMAC_MD5 "1900aa40c58fcffacf2f9423d5ca6ed7"
#define VECTOR_REVOCATION VECTOR_REVOCATION_FIXED VECTOR_FA_HA_HEADER VECTOR_REVOCATION_HMAC_MD5

#define VECTOR_REVOCATION_ACK_FIXED "0f0080000a0002215f000010"
#define VECTOR_REVOCATION_ACK_HMAC_MD5 "6bf8789638b3ba2b3b98bd797d838d19"
#define VECTOR_REVOCATION_ACK VECTOR_REVOCATION_ACK_FIXED VECTOR_FA_HA_HEADER VECTOR_REVOCATION_ACK_HMAC_MD5

/* R F T U X, sequence 5, 300 s, care-of and router 192.0.2.1, prefix length 24, one octet of padding. */
#define VECTOR_AGENT_ADV "09109ce501020708c000020100000000100a0005012c91c0c000020113011800"

#endif
