#!/usr/bin/env bash
# `check --kubeconfig` against a real kube-apiserver and etcd, named by KUBEBUILDER_ASSETS, in a network namespace of their own.
# Ends with 77 (skipped, and says so) without them. usage: real_apiserver.sh BUILD_DIR
set -euo pipefail
build=$(readlink -f "$1") assets=${KUBEBUILDER_ASSETS:-}
if [ ! -x "$assets/kube-apiserver" ] || [ ! -x "$assets/etcd" ]; then
    echo "SKIPPED: KUBEBUILDER_ASSETS names no folder with kube-apiserver and etcd"
    exit 77
fi
if [ "${2:-}" != inside ]; then exec unshare --net --kill-child --fork "$0" "$build" inside; fi
ip link set lo up
ip addr add 10.88.0.11/32 dev lo
dir=$(mktemp -d "${TMPDIR:-/tmp}/aggmedic-real.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:true 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /O=system:masters/CN=demo.pks.ik.am -keyout kubernetes-key.pem -out leaf.csr 2>/dev/null
openssl x509 -req -days 2 -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile <(echo subjectAltName=IP:10.88.0.11) -out leaf.pem 2>/dev/null
cat leaf.pem ca.pem >kubernetes.pem   # the CFCR layout: leaf and CA in one file that is everything at once
openssl genrsa -traditional -out sa.key 2048 2>/dev/null
openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
echo 'admin-token,admin,admin,"system:masters"' >tokens.csv
"$assets/etcd" --data-dir etcd --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 >etcd.log 2>&1 &
"$assets/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --bind-address=10.88.0.11 --advertise-address=10.88.0.11 --secure-port=8443 \
    --tls-cert-file=kubernetes.pem --tls-private-key-file=kubernetes-key.pem --client-ca-file=kubernetes.pem \
    --proxy-client-cert-file=kubernetes.pem --proxy-client-key-file=kubernetes-key.pem --requestheader-client-ca-file=kubernetes.pem \
    --requestheader-allowed-names=aggregator --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
    --requestheader-username-headers=X-Remote-User --token-auth-file=tokens.csv --authorization-mode=RBAC \
    --service-account-key-file=sa.pub --service-account-signing-key-file=sa.key --service-account-issuer=https://kubernetes.default.svc \
    --service-cluster-ip-range=10.100.200.0/24 --enable-aggregator-routing=true >apiserver.log 2>&1 &
api() { curl -sS -f -A aggmedic-test --cacert ca.pem -H 'Authorization: Bearer admin-token' "$@"; }
deadline=$((SECONDS + 120))
until [ "$(api https://10.88.0.11:8443/readyz 2>/dev/null)" = ok ]; do
    [ "$SECONDS" -lt "$deadline" ] || { tail -n 20 apiserver.log; echo "the apiserver does not become ready"; exit 1; }
    sleep 0.3
done
kubeconfig() { # TOKEN
    printf 'apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{name: c, cluster: {server: "https://10.88.0.11:8443", certificate-authority: "%s/ca.pem"}}]\n' "$dir"
    printf 'users: [{name: u, user: {token: %s}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n' "$1"
}
kubeconfig admin-token >good
kubeconfig wrong-token >bad
check() { # FILE WANTED-STATUS PATTERN
    local status=0
    "$build/daemon/cli/aggmedic" check --kubeconfig "$1" -o json >out 2>err || status=$?
    [ "$status" -eq "$2" ] && grep -q "$3" out && return
    cat out err; echo "check with the $1 token ended with $status, not $2, or does not say $3"; exit 1
}
check bad 1 our-own-401
api -X POST -H 'Content-Type: application/json' https://10.88.0.11:8443/apis/apiregistration.k8s.io/v1/apiservices -o /dev/null -d '{
  "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1alpha1.wardle.example.com"},
  "spec": {"group": "wardle.example.com", "version": "v1alpha1", "groupPriorityMinimum": 1000, "versionPriority": 15, "insecureSkipTLSVerify": true,
           "service": {"namespace": "default", "name": "not-there", "port": 443}}}'
until api https://10.88.0.11:8443/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.wardle.example.com | grep -q ServiceNotFound; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "the condition does not become ServiceNotFound"; exit 1; }
    sleep 0.3
done
check good 1 '"no-backend"'
echo "as it should be, against $("$assets/kube-apiserver" --version), $SECONDS s"
