# Runs on a master as `/bin/sh -c THIS aggmedic VERB ARGUMENT...`, as root. POSIX shell, coreutils, flock of util-linux.
# Constant: arguments are data, checked by pattern, and only ever used as quoted words.
set -uf
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
unset IFS ENV BASH_ENV CDPATH
umask 077

state=/run/aggmedic
lease=900 # seconds of uptime; each verb that writes renews it
bytes_max=262144

no() { # STATUS REASON...
    status=$1
    shift
    printf 'no %s\n' "$*"
    exit "$status"
}
ok() {
    printf 'ok %s\n' "$*"
    exit 0
}

# --- the platforms: where the arguments stand (file; sources: every file that says how the apiserver is started, one a
# line), and who starts it --------------------------------------------------------------------------------------------

service=kube-apiserver
unit=kube-apiserver.service
bpm_file=/var/vcap/jobs/kube-apiserver/config/bpm.yml
manifest=/etc/kubernetes/manifests/kube-apiserver.yaml
pid_file=/var/vcap/sys/run/bpm/kube-apiserver/kube-apiserver.pid
monit=/var/vcap/bosh/bin/monit

show_units() { # PROPERTY,... UNIT...
    properties=$1
    shift
    timeout 10 systemctl show --no-pager -p "$properties" -- "$@" 2>/dev/null </dev/null 9>&- | head -c 65536
}
of_unit() { # PROPERTY
    printf '%s\n' "$shown" | sed -n "s/^$1=\(.\)/\1/p"
}
want_units() { # PROPERTY,... UNIT; into shown. While systemd reads its units anew it may not answer for a moment.
    patience=$(($(uptime_seconds) + 12))
    while shown=$(show_units "$@") && [ -z "$shown" ]; do
        [ "$(uptime_seconds)" -lt "$patience" ] || no 28 supervisor "systemctl tells nothing of $unit"
        sleep 1
    done
}
platform_systemd() { # the unit, its drop-ins in systemd's order, the environment files: as systemd has them in force
    want_units LoadState,FragmentPath,DropInPaths,EnvironmentFiles "$unit"
    file=$(of_unit FragmentPath)
    sources=$(
        of_unit FragmentPath
        of_unit DropInPaths | tr ' ' '\n'
        of_unit EnvironmentFiles | sed -n 's/ (ignore_errors=[a-z]*)$//p'
    )
}
detect_platform() { # what is diagnosed and never edited goes first: its files may look like another platform's
    for known in rke2:/var/lib/rancher/rke2/server k3s:/var/lib/rancher/k3s/server \
        rke:/etc/kubernetes/ssl/kube-apiserver-proxy-client.pem k0s:/var/lib/k0s/pki microk8s:/var/snap/microk8s/current \
        openshift:/etc/kubernetes/static-pod-resources; do
        if [ -e "${known#*:}" ]; then printf '%s' "${known%%:*}" && return; fi
    done
    found=''
    if [ -e "$bpm_file" ]; then found=$found:bosh; fi
    if [ -e "$manifest" ]; then found=$found:kubeadm; fi
    if [ -d /run/systemd/system ]; then # booted by it
        want_units LoadState "$unit"
        if [ "$shown" = LoadState=loaded ]; then found=$found:systemd; fi
    fi
    case $found in
    '') printf none ;;
    :*:*) printf several ;;
    *) printf '%s' "${found#:}" ;;
    esac
}
want_platform() {
    platform=$1 file='' sources=''
    case $platform in bosh | kubeadm | systemd) ;; *) no 20 grammar platform ;; esac
}
find_sources() {
    case $platform in
    bosh) file=$bpm_file sources=$bpm_file ;;
    kubeadm) file=$manifest sources=$manifest ;;
    systemd) platform_systemd ;;
    esac
}
want_word() { # NAME VALUE
    case $2 in
    '' | *[!A-Za-z0-9-]* | ?????????????????????????????????????????????????????????????????*) no 20 grammar "$1" ;;
    esac
}
want_place() { # IPv4:PORT or [IPv6]:PORT
    case $2 in *:*) ;; *) no 20 grammar "$1" ;; esac
    case ${2##*:} in '' | *[!0-9]* | ??????*) no 20 grammar "$1" ;; esac
    case ${2%:*} in
    '' | *[!0-9.]*)
        case ${2%:*} in '[]' | *[!][0-9A-Fa-f:.]* | [![]* | *[!]]) no 20 grammar "$1" ;; esac
        case ${2#?} in *'['*) no 20 grammar "$1" ;; esac
        ;;
    esac
}
want_number() {
    case $2 in
    '' | *[!0-9]* | ???????????????????*) no 20 grammar "$1" ;;
    esac
}
want_hash() {
    case $2 in
    *[!0-9a-f]*) no 20 grammar "$1" ;;
    esac
    [ ${#2} -eq 64 ] || no 20 grammar "$1"
}
want_path() {
    case $2 in
    *[!A-Za-z0-9/._+-]* | */../* | */.. | */./* | *//*) no 20 grammar "$1" ;;
    /*) ;;
    *) no 20 grammar "$1" ;;
    esac
}

hash_of() {
    hash=$(sha256sum <"$1" 2>/dev/null) && printf '%s' "${hash%% *}"
}
boot_id() {
    read -r id </proc/sys/kernel/random/boot_id && printf '%s' "$id"
}
uptime_seconds() {
    read -r up rest </proc/uptime && printf '%s' "${up%%.*}"
}
start_ticks() { # PID; field 22, counted behind the last parenthesis: a process may have any name
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    set -- ${stat##*) }
    [ $# -ge 20 ] && printf '%s' "${20}"
}

# --- the lock -------------------------------------------------------------------------------------------------------

enter() { # one verb at a time; children must not inherit descriptor 9, or a service they start would keep the lock
    mkdir -p "$state" 2>/dev/null || no 23 io "$state cannot be made"
    # The redirection of a special built-in that fails ends a POSIX shell: true is none, and exec opens what it could.
    { true <"$state"; } 2>/dev/null || no 23 io "$state cannot be opened"
    exec 9<"$state"
    flock -w 20 9 2>/dev/null || no 21 busy
}
read_lock() {
    lock_holder='' lock_run='' lock_token='' lock_boot='' lock_expiry=''
    [ -f "$state/lock" ] || return 1
    read -r lock_holder lock_run lock_token lock_boot lock_expiry <"$state/lock"
    case $lock_token$lock_expiry in '' | *[!0-9]*) lock_token=0 lock_expiry=0 ;; esac
    [ -n "$lock_holder" ]
}
lock_is_live() {
    [ "$lock_boot" = "$(boot_id)" ] && [ "$lock_expiry" -gt "$(uptime_seconds)" ]
}
write_lock() {
    expiry=$(($(uptime_seconds) + lease))
    { printf '%s %s %s %s %s\n' "$holder" "$run" "$token" "$(boot_id)" "$expiry" >"$state/.lock.new"; } 2>/dev/null || no 23 io "the lock cannot be written"
    mv -f "$state/.lock.new" "$state/lock" && return
    no 23 io "the lock cannot be written"
}
# A verb whose answer was waited for in vain may come when the run has gone on without it: a lock after the unlock would keep
# everybody away for a quarter of an hour, a swap after the undo would bring the new bytes back.
note_over() { # unlocked or undone
    { printf '%s %s %s\n' "$holder" "$run" "$token" >"$state/$1"; } 2>/dev/null || : # an undo and an unlock are worth more
}
want_not_over() {
    [ -f "$state/$1" ] || return 0
    read -r over_holder over_run over_token <"$state/$1"
    case $over_token in '' | *[!0-9]*) return 0 ;; esac
    [ "$over_holder $over_run" = "$holder $run" ] || return 0
    [ "$token" -gt "$over_token" ] || no 24 token "$over_token"
}
want_ours() { # the fencing: whoever took the lock after us has another run or a higher token
    read_lock || no 24 lock-lost
    if [ "$lock_holder" != "$holder" ] || [ "$lock_run" != "$run" ]; then no 24 locked "$lock_holder" "$lock_run"; fi
    [ "$lock_token" = "$token" ] || no 24 token "$lock_token"
    [ "$lock_boot" = "$(boot_id)" ] || no 24 lock-lost
    write_lock
}
resolved_files() { # one a line
    printf '%s\n' "$sources" | while IFS= read -r each; do
        target=$(readlink -f -- "$each" 2>/dev/null) || continue
        if [ -f "$target" ]; then printf '%s\n' "$target"; fi
    done
}
place() { # PATH; sets beside (where its old bytes are kept) and unfinished (a write that did not end)
    folder=${1%/*}
    # What lies in its directory the kubelet takes for a manifest: the directory above, of the same file system.
    if [ "$platform" = kubeadm ]; then folder=${folder%/*}; fi
    beside=$folder/.${1##*/}.aggmedic-
    unfinished=$folder/.${1##*/}.new-aggmedic
}
list_backups() { # of the file that was placed last
    set +f
    for kept in "$beside"*; do
        if [ -e "$kept" ]; then printf '%s\n' "$kept"; fi
    done
    set -f
}

verb_lock() { # PLATFORM HOLDER RUN TOKEN
    [ $# -eq 4 ] || no 20 grammar count
    want_platform "$1"
    want_word holder "$2"
    want_word run "$3"
    want_number token "$4"
    holder=$2 run=$3 token=$4
    enter
    find_sources
    files=$(resolved_files)
    [ -n "$files" ] || no 25 missing
    want_not_over unlocked
    if read_lock; then
        if [ "$lock_holder" = "$holder" ] && [ "$lock_run" = "$run" ]; then
            [ "$lock_token" -le "$token" ] || no 24 token "$lock_token"
        elif lock_is_live; then
            no 24 locked "$lock_holder" "$lock_run"
        fi
    fi
    while IFS= read -r each; do
        place "$each"
        foreign=$(list_backups | grep -vxF -- "$beside$run" | head -n 1)
        [ -z "$foreign" ] || no 24 person "$foreign"
        rm -f -- "$unfinished"
    done <<TABLE
$files
TABLE
    write_lock
    ok locked
}

# --- the file -------------------------------------------------------------------------------------------------------

file_verb() { # PLATFORM HOLDER RUN TOKEN RESOLVED
    want_platform "$1"
    want_word holder "$2"
    want_word run "$3"
    want_number token "$4"
    want_path resolved "$5"
    holder=$2 run=$3 token=$4
    enter
    find_sources
    files=$(resolved_files)
    [ -n "$files" ] || no 25 missing
    printf '%s\n' "$files" | grep -qxF -- "$5" || no 25 moved
    resolved=$5
    place "$resolved"
    backup=$beside$run
    [ "$(stat -c %d -- "$folder" 2>/dev/null)" = "$(stat -c %d -- "${resolved%/*}" 2>/dev/null)" ] ||
        no 23 io "$folder and ${resolved%/*} are two file systems"
}
give_up() { # STATUS WORDS...: nothing of ours stays, the file is as it was
    rm -f -- "$unfinished" "$backup" # before the rename the file was never ours: somebody else's bytes need no backup
    no "$@"
}
write_failed() { # TEXT of the failed command
    case $1 in
    *'No space left'* | *uota*) give_up 26 disk-full ;;
    *) give_up 23 io "the new file cannot be written" ;;
    esac
}
copy_kept() { # FROM TO, with owner, mode, ACL
    rm -f -- "$2"
    if text=$(cp --preserve=all -- "$1" "$2" 2>&1); then return 0; fi
    rm -f -- "$2"
    write_failed "$text"
}
keep_old_bytes() {
    if [ "$(hash_of "$backup")" = "$before" ]; then return; fi
    copy_kept "$resolved" "$unfinished"
    text=$(sync -- "$unfinished" 2>&1) || write_failed "$text"
    [ "$(hash_of "$unfinished")" = "$before" ] || give_up 25 changed
    mv -f -- "$unfinished" "$backup" || give_up 23 io "the old bytes cannot be kept"
}
put_in_place() { # HASH: renames the finished file over the old one
    [ "$(hash_of "$resolved")" = "$before" ] || give_up 25 changed
    mv -f -- "$unfinished" "$resolved" || give_up 23 io "the new file cannot be renamed"
    sync -- "${resolved%/*}" 2>/dev/null || no 27 readback "the directory cannot be synced; the file was changed"
    [ "$(hash_of "$resolved")" = "$1" ] || no 27 readback "the file was changed"
}

verb_swap() { # PLATFORM HOLDER RUN TOKEN RESOLVED SHA_BEFORE SHA_AFTER <NEW BYTES
    [ $# -eq 7 ] || no 20 grammar count
    want_hash before "$6"
    want_hash after "$7"
    file_verb "$@"
    before=$6 after=$7
    want_ours
    want_not_over undone
    now=$(hash_of "$resolved") || no 25 missing
    if [ "$now" = "$after" ] && [ "$(hash_of "$backup")" = "$before" ]; then ok already; fi
    [ "$now" = "$before" ] || no 25 changed "$now"
    keep_old_bytes
    copy_kept "$resolved" "$unfinished"
    text=$({ head -c "$bytes_max" >"$unfinished"; } 2>&1) || write_failed "$text"
    text=$(sync -- "$unfinished" 2>&1) || write_failed "$text"
    [ "$(hash_of "$unfinished")" = "$after" ] || give_up 26 input
    facts=$(stat -c '%u %g %a' -- "$resolved") || give_up 23 io "the file cannot be read"
    [ "$(stat -c '%u %g %a' -- "$unfinished")" = "$facts" ] || give_up 23 io "owner and mode cannot be kept"
    put_in_place "$after"
    ok swapped
}

forget_new_bytes() { # systemd may have read them, and takes a file with its old time for one that it knows
    if [ "$platform" = systemd ]; then reload_systemd; fi
}
verb_restore() { # PLATFORM HOLDER RUN TOKEN RESOLVED SHA_BEFORE SHA_AFTER; by rename: needs no room on the disk
    [ $# -eq 7 ] || no 20 grammar count
    want_hash before "$6"
    want_hash after "$7"
    file_verb "$@"
    want_ours
    note_over undone
    rm -f -- "$unfinished"
    now=$(hash_of "$resolved") || no 25 missing
    if [ "$now" = "$6" ]; then
        forget_new_bytes
        ok already
    fi
    [ "$now" = "$7" ] || no 25 changed "$now"
    [ "$(hash_of "$backup")" = "$6" ] || no 25 no-backup
    mv -f -- "$backup" "$resolved" || no 23 io "the old file cannot be renamed"
    sync -- "${resolved%/*}" 2>/dev/null || no 27 readback "the directory cannot be synced"
    [ "$(hash_of "$resolved")" = "$6" ] || no 27 readback "the file was changed"
    forget_new_bytes
    ok restored
}

verb_unlock() { # PLATFORM HOLDER RUN TOKEN RESOLVED SHA_EXPECTED
    [ $# -eq 6 ] || no 20 grammar count
    want_hash expected "$6"
    want_platform "$1"
    want_word holder "$2"
    want_word run "$3"
    want_number token "$4"
    want_path resolved "$5"
    holder=$2 run=$3 token=$4
    enter
    if read_lock; then
        if [ "$lock_holder" != "$holder" ] || [ "$lock_run" != "$run" ]; then no 24 locked "$lock_holder" "$lock_run"; fi
        [ "$lock_token" -le "$token" ] || no 24 token "$lock_token"
    fi
    place "$5"
    backup=$beside$run
    if [ -e "$backup" ]; then
        now=$(hash_of "$5") || no 25 missing
        [ "$now" = "$6" ] || no 25 changed "$now"
        rm -f -- "$backup" || no 23 io "the old bytes cannot be removed"
    fi
    rm -f -- "$unfinished"
    note_over unlocked
    rm -f -- "$state/lock" || no 23 io "the lock cannot be removed"
    ok unlocked
}

# --- the process ----------------------------------------------------------------------------------------------------

read_pid() { # sets root, the process that the supervisor started
    root=none
    case $platform in
    bosh) if [ -f "$pid_file" ]; then read -r root rest <"$pid_file"; fi 2>/dev/null ;;
    systemd)
        shown=$(show_units MainPID "$unit")
        root=$(of_unit MainPID)
        ;;
    kubeadm) root=$(processes_called kube-apiserver) ;; # several: no one can tell which is the pod's
    esac
    case $root in '' | 0 | *[!0-9]* | ???????????*) root=none ;; esac
}
processes_called() { # NAME; PIDs, one a line. The kernel cuts a process's name, but not its first argument.
    set +f
    for entry in /proc/[0-9]*; do
        program=$(tr '\0' '\n' <"$entry/cmdline" 2>/dev/null | head -n 1)
        if [ "${program##*/}" = "$1" ]; then printf '%s\n' "${entry##*/}"; fi
    done 2>/dev/null
    set -f
}

plain() { # TEXT, for an answer's one line
    printf '%s' "$1" | head -c 300 | tr -c '[:print:]' ' '
}
restart_by_monit() {
    # Without its daemon `monit restart` exits 0 after acting by itself, in the foreground.
    text=$(timeout 10 "$monit" summary </dev/null 2>&1 9>&- | head -c 65536)
    case $text in
    *"$service"*) ;;
    *) no 28 supervisor "monit does not know $service" ;;
    esac
    timeout 30 "$monit" restart "$service" >"$state/.restart" 2>&1 </dev/null 9>&-
    code=$?
    text=$(plain "$(cat "$state/.restart")")
    rm -f "$state/.restart"
    case $code:$text in
    0:*) ok asked ;; # accepted, nothing more
    *'already in progress'*) ok pending ;;
    *) no 28 supervisor "exit $code $text" ;;
    esac
}
reload_systemd() {
    text=$(timeout 30 systemctl daemon-reload 2>&1 </dev/null 9>&-) ||
        no 28 supervisor "daemon-reload: $(plain "$text")"
}
restart_by_systemd() {
    reload_systemd
    # After too many failed starts it would refuse another one, also of the old arguments.
    timeout 10 systemctl reset-failed -- "$unit" >/dev/null 2>&1 </dev/null 9>&-
    text=$(timeout 10 systemctl --no-block restart -- "$unit" 2>&1 </dev/null 9>&-) ||
        no 28 supervisor "restart: $(plain "$text")"
    ok asked
}
restart_by_kubelet() { # it restarts a static pod by itself as soon as the manifest differs
    [ -n "$(processes_called kubelet)" ] || no 28 supervisor "no kubelet runs"
    ok asked
}

verb_restart() { # PLATFORM HOLDER RUN TOKEN RESOLVED SHA_EXPECTED PID START_TICKS; 0 0 where no process was seen
    [ $# -eq 8 ] || no 20 grammar count
    want_hash expected "$6"
    want_number pid "$7"
    want_number start "$8"
    file_verb "$@"
    want_ours
    if [ "$7" = 0 ]; then
        read_pid
        if [ "$root" != none ] && [ -d "/proc/$root" ]; then ok already; fi
    elif [ "$(start_ticks "$7")" != "$8" ]; then
        ok already
    fi
    # Not into somebody's edit, and, when it comes late, not into the bytes that an undo has brought back.
    now=$(hash_of "$resolved") || no 25 missing
    [ "$now" = "$6" ] || no 25 changed "$now"
    case $platform in
    bosh) restart_by_monit ;;
    kubeadm) restart_by_kubelet ;;
    systemd) restart_by_systemd ;;
    esac
}

# --- look -----------------------------------------------------------------------------------------------------------

b64() {
    printf 'b64:'
    base64 -w 0
}
look_modified() { # PATH [ROOT]; by this machine's clock
    seconds=$(stat -L -c %Y -- "${2-}$1" 2>/dev/null) || return 0
    printf 'modified %s %s\n' "$(printf '%s' "$1" | b64)" "$seconds"
}
look_sources() { # of a unit: each of its files, also those that an edit would not change
    printf 'file.path %s\n' "$(printf '%s' "$file" | b64)"
    resolved=$(readlink -f -- "$file" 2>/dev/null)
    if [ -z "$file" ] || [ ! -f "$resolved" ]; then
        resolved=''
        printf 'file.missing systemd has no unit kube-apiserver.service with a file of its own\n'
        return
    fi
    while IFS= read -r each; do
        target=$(readlink -f -- "$each" 2>/dev/null) || continue
        [ -f "$target" ] || continue
        facts=$(stat -c '%U %G %a %s' -- "$target" 2>/dev/null) || facts='? ? 0 0'
        set -- $facts
        if [ "$4" -gt "$bytes_max" ]; then
            printf 'file.missing too-large\n'
            return
        fi
        bytes=$(base64 -w 0 <"$target" 2>/dev/null)
        hash=$(printf '%s' "$bytes" | base64 -d | sha256sum)
        printf 'source %s %s %s %s %04d %s %s b64:%s\n' "$(printf '%s' "$each" | b64)" "$(printf '%s' "$target" | b64)" \
            "$1" "$2" "$3" "$4" "${hash%% *}" "$bytes"
        look_modified "$target"
    done <<TABLE
$sources
TABLE
}
look_file() {
    printf 'file.path %s\n' "$(printf '%s' "$file" | b64)"
    if ! resolved=$(readlink -f -- "$file" 2>/dev/null) || [ ! -f "$resolved" ]; then
        resolved=''
        printf 'file.missing not-found\n'
        return
    fi
    facts=$(stat -c '%U %G %a %s' -- "$resolved" 2>/dev/null) || facts='? ? 0 0'
    set -- $facts
    if [ "$4" -gt "$bytes_max" ]; then
        printf 'file.missing too-large\n'
        return
    fi
    bytes=$(base64 -w 0 <"$resolved" 2>/dev/null)
    printf 'file.resolved %s\n' "$(printf '%s' "$resolved" | b64)"
    printf 'file.stat %s %s %04d %s\n' "$1" "$2" "$3" "$4"
    hash=$(printf '%s' "$bytes" | base64 -d | sha256sum)
    printf 'file.sha256 %s\n' "${hash%% *}"
    printf 'file.bytes b64:%s\n' "$bytes"
    look_modified "$resolved"
}

list_processes() { # PID PPID START_TICKS, one a line
    set +f
    for entry in /proc/[0-9]*/stat; do
        set -f
        IFS= read -r stat <"$entry" || continue
        case $stat in *') '*) ;; *) stat=$(cat "$entry" 2>/dev/null) || continue ;; esac
        name=${stat#*\(}
        name=${name%)*}
        number=${stat%% *}
        set -- ${stat##*) }
        [ $# -ge 20 ] || continue
        case $name in
        kube-apiserver | hyperkube) printf '%s %s %s named\n' "$number" "$2" "${20}" ;;
        *) printf '%s %s %s other\n' "$number" "$2" "${20}" ;;
        esac
    done 2>/dev/null
    set -f
}
look_processes() {
    read_pid
    printf 'pid %s\n' "$root"
    all=$(list_processes)
    family=" $root " grown=yes
    while [ "$grown" = yes ]; do
        grown=no
        while read -r number parent ticks kind; do
            case $family in *" $number "*) continue ;; esac
            case $family in *" $parent "*) family="$family$number " grown=yes ;; esac
        done <<TABLE
$all
TABLE
    done
    live='' shown=0
    while read -r number parent ticks kind; do
        case $family:$kind in
        *" $number "*:named) live=$number ;;
        *" $number "*:*) ;;
        *:named) ;;
        *) continue ;;
        esac
        shown=$((shown + 1))
        [ "$shown" -le 16 ] || break
        command=$(head -c 65536 "/proc/$number/cmdline" 2>/dev/null | b64)
        printf 'process %s %s %s %s\n' "$number" "$parent" "$ticks" "$command"
    done <<TABLE
$all
TABLE
    if [ -z "$live" ]; then # a wrapper of another name: the youngest of the family
        family=${family% }
        live=${family##* }
    fi
}

readable_by_process() { # PATH
    [ -n "$ids" ] || return 1
    if [ -n "$inside" ] && [ "${ids%%:*}" = 0 ]; then # a pod's own files; of another user only the host's can be asked
        test -r "$inside$1"
        return
    fi
    chroot --userspec="$ids" --groups="$groups" / /usr/bin/test -r "$1" 2>/dev/null
}
look_named_file() { # FLAG PATH; of keys nothing is read, of other files the CERTIFICATE blocks
    flag=${1#--}
    case $flag in *[!A-Za-z0-9_-]*) return ;; esac
    exists=missing readable=unreadable blocks=b64:
    if [ -e "$inside$2" ]; then
        exists=exists
        if readable_by_process "$2"; then readable=readable; fi
        case $flag in
        *key*) ;;
        *cert* | *ca-file | *cafile | *ca_file | *authority)
            if [ -f "$inside$2" ]; then
                blocks=$(head -c 65536 "$inside$2" 2>/dev/null |
                    sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' | b64)
            fi
            ;;
        esac
    fi
    printf 'named %s %s %s %s %s\n' "$flag" "$(printf '%s' "$2" | b64)" "$exists" "$readable" "$blocks"
    if [ "$exists" = exists ]; then look_modified "$2" "$inside"; fi
}
from_its_directory() { # PATH as the process means it
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$(readlink "/proc/$live/cwd" 2>/dev/null)" "$1" ;;
    esac
}
look_named_files() {
    case $live in '' | none) return ;; esac
    inside=''
    if [ "$platform" = kubeadm ]; then inside=/proc/$live/root; fi # the paths are the container's
    ids=$(sed -n 's/^Uid:[[:space:]]*[0-9]*[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$live/status" 2>/dev/null)
    group=$(sed -n 's/^Gid:[[:space:]]*[0-9]*[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$live/status" 2>/dev/null)
    groups=$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$live/status" 2>/dev/null | sed 's/ *$//; s/ /,/g')
    if [ -n "$ids" ]; then ids=$ids:$group; fi
    if [ -z "$groups" ]; then groups=$group; fi
    head -c 65536 "/proc/$live/cmdline" 2>/dev/null | tr '\0' '\n' | {
        before='' proxy_certificate='' proxy_key=''
        while IFS= read -r argument; do
            case $argument in
            --*=?*) use=${argument%%=*} path=${argument#*=} ;;
            --*) use='' ;;
            *) use=$before path=$argument ;;
            esac
            before=''
            case $argument in --*=*) ;; --*) before=$argument ;; esac
            case $use in
            --tls-sni-cert-key) # CERTIFICATE,KEY[:DOMAINS], or a file with both
                path=${path%%:*}
                case $path in *,*) look_named_file "$use" "$(from_its_directory "${path%%,*}")" ;; esac
                path=${path##*,}
                ;;
            --runtime-config | '') continue ;;
            *[-_]file | *[-_]cafile | *[-_]certfile | *[-_]keyfile) ;;
            *[-_]certificate | *[-_]key | *[-_]authority | *[-_]config) case $path in /*) ;; *) continue ;; esac ;;
            *) continue ;;
            esac
            path=$(from_its_directory "$path")
            case $use in
            --proxy[-_]client[-_]cert[-_]file) proxy_certificate=$path ;;
            --proxy[-_]client[-_]key[-_]file) proxy_key=$path ;;
            esac
            look_named_file "$use" "$path"
        done
        look_proxy_key "${proxy_certificate:+$inside$proxy_certificate}" "${proxy_key:+$inside$proxy_key}"
    }
}

digest_of_public_key() { # of a PEM public key on standard input; nothing where there is none
    key=$(openssl pkey -pubin -outform DER 2>/dev/null | sha256sum)
    case $key in e3b0c44298fc1c14*) ;; *) printf '%s' "${key%% *}" ;; esac # the digest of nothing
}
look_proxy_key() { # CERTIFICATE KEY; openssl reads the key here, and only the digest of its public half is compared
    [ -n "$1" ] && [ -n "$2" ] || return 0
    ours=$(timeout 10 openssl x509 -in "$1" -noout -pubkey 2>/dev/null </dev/null | digest_of_public_key)
    theirs=$(timeout 10 openssl pkey -in "$2" -passin pass: -pubout 2>/dev/null </dev/null | digest_of_public_key)
    case $ours:$theirs in
    :* | *:) answer=unknown ;;
    "$ours:$ours") answer=match ;;
    *) answer=differs ;;
    esac
    printf 'proxy_key %s\n' "$answer"
}
look_environment() { # what Go reads of the live process; user and password are cut off here
    case $live in '' | none) return ;; esac
    if ! { true <"/proc/$live/environ"; } 2>/dev/null; then return; fi # it may be gone since
    printf 'environment_read\n'
    head -c 262144 "/proc/$live/environ" 2>/dev/null | tr '\n\0' '\001\n' |
        sed -n 's/^\([Hh][Tt][Tt][Pp][Ss]*_[Pp][Rr][Oo][Xx][Yy]\)=/\1 /p; s/^\([Aa][Ll][Ll]_[Pp][Rr][Oo][Xx][Yy]\)=/\1 /p; s/^\([Nn][Oo]_[Pp][Rr][Oo][Xx][Yy]\)=/\1 /p' |
        while IFS= read -r variable; do
            name=${variable%% *} value=${variable#* }
            case $name in
            [Nn]*) value=$(printf '%s' "$value" | sed 's/[^,]*@//g') ;;
            *) value=$(printf '%s' "$value" | sed 's#^\([A-Za-z][A-Za-z0-9+.-]*://\)\{0,1\}.*@#\1#; s#^\([A-Za-z][A-Za-z0-9+.-]*://\)\{0,1\}\([^/?\#]*\).*#\1\2#') ;;
            esac
            printf 'environment %s %s\n' "$name" "$(printf '%s' "$value" | head -c 4096 | b64)"
        done
}
look_permanent_fix() { # os-conf's job, as aggmedic or a person gave it
    script=/var/vcap/jobs/pre-start-script/bin/pre-start
    answer=absent
    if grep -qF requestheader-allowed-names "$script" 2>/dev/null; then answer=present; fi
    printf 'permanent_fix %s\n' "$answer"
}
look_unpacked_job() { # the times of the files that the agent unpacked beside the arguments file
    job=${resolved%/config/*}
    if [ "$job" = "$resolved" ]; then return 0; fi
    files=0 oldest='' newest=0
    while read -r changed modified; do
        case $changed$modified in '' | *[!0-9]*) continue ;; esac
        files=$((files + 1))
        if [ -z "$oldest" ] || [ "$changed" -lt "$oldest" ]; then oldest=$changed; fi
        if [ "$modified" -gt "$newest" ]; then newest=$modified; fi
    done <<TABLE
$(find "$job" -xdev -type f ! -name '.*' ! -samefile "$resolved" -exec stat -c '%Z %Y' -- {} + 2>/dev/null | head -n 4096)
TABLE
    changed=$(stat -c %Z -- "$resolved" 2>/dev/null) || return 0
    if [ "$files" -gt 0 ]; then printf 'unpacked_job %s %s %s %s\n' "$files" "$oldest" "$newest" "$changed"; fi
}
last_words() {
    case $platform in
    bosh) cat "/var/vcap/sys/log/$service/$service.stderr.log" 2>/dev/null ;;
    systemd) timeout 10 journalctl --no-pager -o cat -n 60 -u "$unit" 2>/dev/null </dev/null ;;
    kubeadm) find /var/log/pods -path '*/kube-system_kube-apiserver-*/kube-apiserver/*.log' -mmin -60 -exec tail -q -n 60 {} + 2>/dev/null ;;
    esac
}
look_start_faults() { # only while none runs: what its last attempts wrote
    if [ -n "$live" ] && [ -d "/proc/$live" ]; then return; fi
    text=$(last_words | tail -c 65536 | tail -n 60)
    [ -n "$text" ] || [ "$platform" = bosh ] || return 0
    printf 'start_faults_read\n'
    case $text in *requestheader-client-ca-file*client-ca-file*overlapping*) printf 'start_fault ca-overlap\n' ;; esac
    case $text in *'unknown flag: --'*) printf 'start_fault unknown-flag\n' ;; esac
    case $text in
    *': permission denied'* | *': no such file or directory'*) printf 'start_fault unreadable-file\n' ;;
    esac
    case $text in *'private key does not match public key'*) printf 'start_fault key-mismatch\n' ;; esac
}

connect_to() { # HOST:PORT; only bash and curl can dial from a shell
    host=${1%:*} port=${1##*:}
    host=${host#\[}
    host=${host%\]}
    if command -v bash >/dev/null 2>&1; then
        text=$(timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$host" "$port" 2>&1 </dev/null)
    elif command -v curl >/dev/null 2>&1; then
        text=$(curl -sS --noproxy '*' --connect-timeout 3 -m 4 -o /dev/null "telnet://$1" 2>&1 </dev/null)
    else
        printf untried
        return
    fi
    case $?:$text in
    0:* | 48:* | 49:*) printf connected ;;
    *refused*) printf refused ;;
    124:* | *imed\ out* | 28:*) printf timeout ;;
    *'No route'* | *unreachable*) printf no-route ;;
    *) printf failed ;;
    esac
}
look_backends() { # HOST:PORT..., all at once
    for address; do
        printf 'backend %s %s\n' "$address" "$(connect_to "$address")" &
    done
    wait
}

look_monit() { # exit status, standard output and error output of one call, without a file to put them in
    answer=$(
        exec 4>&1
        complaint=$({
            text=$(timeout 10 "$monit" status 2>&3 3>&- 4>&- </dev/null)
            code=$?
            printf '%s %s ' "$code" "$(printf '%s\n' "$text" | head -c 65536 | b64)" >&4
        } 3>&1)
        printf '%s' "$complaint" | head -c 4096 | b64
    )
    printf 'monit %s\n' "$answer"
}
look_systemd() {
    text=$(show_units Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,Job,NeedDaemonReload "$unit" etcd.service \
        kube-controller-manager.service kube-scheduler.service)
    printf 'systemd %s\n' "$(printf '%s\n' "$text" | b64)"
}
static_pod_path() { # of the kubelet with this PID: where it looks for manifests
    words=$(tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null)
    path=$(printf '%s\n' "$words" | sed -n 's/^--pod-manifest-path=//p' | tail -n 1)
    settings=$(printf '%s\n' "$words" | sed -n 's/^--config=//p' | tail -n 1)
    if [ -z "$path" ] && [ -f "$settings" ]; then
        path=$(sed -n 's/^staticPodPath:[[:space:]]*["'"'"']\{0,1\}\([^"'"'"' ]*\).*/\1/p' "$settings" 2>/dev/null | head -n 1)
    fi
    readlink -f -- "${path:-/nowhere}" 2>/dev/null
}
look_kubelet() { # PID STATIC_POD_PATH CHANGED_SECONDS_AGO same|other RUNTIME, then the other manifests of kubeadm
    kubelet=$(processes_called kubelet) runtime=none where='' ago=0 systems=other
    case $kubelet in '' | *[!0-9]*) kubelet=none ;; *) where=$(static_pod_path "$kubelet") ;; esac
    for each in containerd crio dockerd; do
        if [ -n "$(processes_called "$each")" ]; then runtime=$each; fi
    done
    if [ -n "$resolved" ]; then
        place "$resolved"
        ago=$(($(date +%s) - $(stat -c %Z -- "$resolved" 2>/dev/null || echo 0)))
        if [ "$(stat -c %d -- "$folder")" = "$(stat -c %d -- "${resolved%/*}")" ]; then systems=same; fi
    fi
    printf 'kubelet %s %s %s %s %s\n' "$kubelet" "$(printf '%s' "$where" | b64)" "$ago" "$systems" "$runtime"
    for each in etcd kube-controller-manager kube-scheduler; do
        [ -f "${resolved%/*}/$each.yaml" ] || continue
        pids=$(processes_called "$each")
        printf 'static_pod %s %s\n' "$each" "$(if [ -n "$pids" ]; then echo running; else echo absent; fi)"
    done
}
look_supervisor() {
    case $platform in
    bosh) look_monit ;;
    systemd) look_systemd ;;
    kubeadm) look_kubelet ;;
    esac
}
look_files() {
    case $platform in
    systemd) look_sources ;;
    bosh | kubeadm) look_file ;;
    *)
        resolved=''
        printf 'file.missing platform %s is not edited\n' "$platform"
        ;;
    esac
}
look_room() {
    where=${resolved:-$file}
    set -- $(stat -f -c '%a %S' -- "${where%/*}" 2>/dev/null)
    if [ $# -eq 2 ]; then printf 'disk_free_kb %s\n' "$(($1 * ($2 / 512) / 2))"; fi
    sed -n 's/^MemAvailable:[[:space:]]*\([0-9][0-9]*\) kB$/memory_available_kb \1/p' /proc/meminfo
}

verb_look() { # PLATFORM [HOST:PORT...]: the backends of aggregated APIs, dialled from here
    [ $# -ge 1 ] && [ $# -le 33 ] || no 20 grammar count
    wanted=$1
    shift
    for address; do want_place backend "$address"; done
    if [ "$wanted" = detect ]; then
        wanted=$(detect_platform) || { # it has said why
            printf '%s\n' "$wanted"
            exit 28
        }
        platform=$wanted file='' sources=''
    else
        want_platform "$wanted"
    fi
    find_sources
    read -r up rest </proc/uptime
    printf 'aggmedic-look 1\nboot_id %s\nuptime %s\nclock %s\n' "$(boot_id)" "$up" "$(date +%s%N)"
    printf 'hostname %s\n' "$(head -c 256 /proc/sys/kernel/hostname | tr -d '\n' | b64)"
    printf 'ticks_per_second %s\nplatform %s\n' "$(getconf CLK_TCK 2>/dev/null || echo 100)" "$platform"
    look_files
    look_processes
    look_named_files
    look_environment
    if [ "$platform" = bosh ]; then
        look_permanent_fix
        look_unpacked_job
    fi
    look_start_faults
    look_backends "$@"
    look_supervisor
    look_room
    if [ -f "$state/lock" ]; then printf 'lock %s\n' "$(head -c 1024 "$state/lock" | b64)"; fi
    resolved_files | while IFS= read -r each; do
        place "$each"
        list_backups
    done | while IFS= read -r kept; do printf 'backup %s\n' "$(printf '%s' "$kept" | b64)"; done
    printf 'end\n'
}

verb=${1-}
[ $# -gt 0 ] && shift
case $verb in
look) verb_look "$@" ;;
lock) verb_lock "$@" ;;
swap) verb_swap "$@" ;;
restart) verb_restart "$@" ;;
restore) verb_restore "$@" ;;
unlock) verb_unlock "$@" ;;
*) no 20 grammar verb ;;
esac
