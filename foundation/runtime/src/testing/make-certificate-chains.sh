#!/usr/bin/env bash
# Makes the certificates of certificate-chains.ts with OpenSSL 3, as PEM files in the folder it is run in.
set -e
rm -f *.pem *.key *.csr *.ext
key() { [ -f $1.key ] || openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }
ca='basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign'
leaf='basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth'
root() { key $1; openssl req -x509 -new -key $1.key -subj "/CN=$1" -days 36500 -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' -out $1.pem 2>/dev/null; }
# issue name issuer extensions [days] [digest]
issue() { key $1; openssl req -new -key $1.key -subj "/CN=$1" -out $1.csr 2>/dev/null; printf '%s\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' "$3" > $1.ext; openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -set_serial 0x$(openssl rand -hex 12) -days ${4:-36500} -${5:-sha256} -extfile $1.ext -out $1.pem 2>/dev/null; }
root root; root stranger
issue direct root "$leaf"
issue first root "$ca"
issue second first "$ca"
issue third second "$ca"
issue belowFirst first "$leaf"
issue belowSecond second "$leaf"
issue belowThird third "$leaf"
issue shallow root 'basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign'
issue belowShallow shallow "$leaf"
issue tooDeep shallow "$ca"
issue belowTooDeep tooDeep "$leaf"
issue belowLeaf direct "$leaf"
issue notSigning root 'basicConstraints=critical,CA:TRUE
keyUsage=critical,digitalSignature'
issue belowNotSigning notSigning "$leaf"
issue forServers root "$ca
extendedKeyUsage=serverAuth"
issue belowForServers forServers "$leaf"
issue forBoth root "$ca
extendedKeyUsage=serverAuth,clientAuth"
issue belowForBoth forBoth "$leaf"
issue named root "$ca
nameConstraints=critical,permitted;DNS:example.com"
issue belowNamed named "$leaf"
issue brief root "$ca" 1
issue belowBrief brief "$leaf"
issue server root 'basicConstraints=critical,CA:FALSE
extendedKeyUsage=serverAuth'
issue anyPurpose root 'basicConstraints=critical,CA:FALSE'
issue unknownCritical root "$leaf
1.2.3.4=critical,DER:0500"
issue sha1 root "$leaf" 36500 sha1
openssl genrsa -out weak.key 1024 2>/dev/null; issue weak root "$leaf"
openssl genrsa -out rsa.key 2048 2>/dev/null; issue rsa root "$leaf"
# the same name as root, another key
key impostor; openssl req -x509 -new -key impostor.key -subj "/CN=root" -days 36500 -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' -out impostor.pem 2>/dev/null
issue belowImpostor impostor "$leaf"
