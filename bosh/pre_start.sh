#!/bin/bash
# Rendered by aggmedic. Adds one name to --requestheader-allowed-names of kube-apiserver before the process starts.
#
# Reads bpm.yml line by line and understands the plain and the quoted form of kubo-release's template. Whatever else it
# meets, it changes nothing and says so. It can run any number of times, and it never fails a deployment: exit 0 always.
# The last line it prints begins with one of: changed, already right, not found, not understood.
# The Director takes two opening parentheses in a row for a variable, so there are none here.

name='__NAME__'
file='__FILE__'

LC_ALL=C
export LC_ALL
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 077

answer() {
    echo "$1"
    case "$1" in
        changed* | 'already right'*) ;;
        *) echo "aggmedic: $1; $file is as it was" >&2 ;;
    esac
    exit 0
}

# Prints `add LINE`, `already right`, `not found ...` or `not understood ...` for the file $1.
judge() {
    # No tabs, no carriage returns, nothing but ASCII: the templates hold nothing else.
    if [ "$(tr -d '\n\040-\176' <"$1" | wc -c)" -ne 0 ]; then
        echo 'not understood: bytes that the template does not hold'
        return
    fi
    awk -v wanted="$name" '
        function refuse(why) { if (verdict == "") verdict = "not understood: line " NR ", " why }
        # One value on one line, without anything that YAML gives a meaning of its own.
        function is_simple(value) {
            if (value ~ /^"[^"\\]*"$/) return 1
            if (value ~ /^\047[^\047]*\047$/) return 1
            if (value ~ /^[-?:] / || value ~ /: / || value ~ /:$/ || value == "-") return 0
            return value ~ /^[-+A-Za-z0-9._\/~]/
        }
        function strip(text) {
            sub(/ +#.*$/, "", text)
            sub(/ +$/, "", text)
            return text
        }
        function read_key(text, indent,    key, value, place) {
            key = text
            sub(/:.*$/, "", key)
            value = substr(text, length(key) + 2)
            if (key !~ /^[A-Za-z_][A-Za-z0-9_]*$/) { refuse("a key that the template does not hold"); return }
            if (value != "" && value !~ /^ +[^ ]/) { refuse("no value"); return }
            sub(/^ +/, "", value)
            if (value != "" && ! is_simple(value)) { refuse("a value that the template does not hold"); return }
            if (indent == 2) section = key
            if (indent > 2 && section == "") refuse("an indentation that the template does not hold")
            if (indent > 2 && section == "args") refuse("a key among the arguments")
            place = process " " indent " " section " " key
            if (place in seen) refuse("a key that is there already")
            seen[place] = 1
            if (indent == 2 && key == "args" && value != "") refuse("arguments that are no list of lines")
            if (key == "args" && (process " 2 env env") in seen) refuse("env before the arguments")
            if (indent == 2 && key == "executable") executables[process] = value
        }
        function read_names(list,    count, at, names, found, listed) {
            count = split(list, names, ",")
            if (list == "") refuse("the list of names is empty, so any name is accepted")
            for (at = 1; at <= count; at++) {
                if (names[at] == "" || names[at] in listed) refuse("no list of different names")
                listed[names[at]] = 1
                if (names[at] == wanted) found = 1
            }
            flag_line = NR
            if (found) flag_has_name = 1
        }
        function read_argument(item,    flat) {
            if (section != "args") { refuse("a list that the template does not hold"); return }
            if (item == "") return
            if (! is_simple(item) || item ~ /^["\047]?--["\047]?$/) { refuse("an argument that the template does not hold"); return }
            flat = item
            gsub(/_/, "-", flat)
            if (process != "kube-apiserver" || flat !~ /^["\047]?--requestheader-allowed-names/) return
            if (flat ~ /^["\047]?--requestheader-allowed-names[^=]/ && flat !~ /names["\047]$/) return
            if (flag_line) { refuse("the flag is there twice"); return }
            gsub(/^["\047]|["\047]$/, "", item)
            if (item !~ /^--requestheader-allowed-names=[-A-Za-z0-9.,_:@\/+=*]*$/) { refuse("not a list of names"); return }
            read_names(substr(item, length("--requestheader-allowed-names=") + 1))
        }
        { text = strip($0) }
        text ~ /^ *$/ || /^ *#/ { next }
        text == "---" && ! started { started = 1; next }
        text == "processes:" && ! listed_processes { started = 1; listed_processes = 1; next }
        ! listed_processes { refuse("no list of processes"); next }
        text ~ /^- name: [A-Za-z0-9_.-]+$/ {
            process = substr(text, 9)
            section = ""
            if (process in processes) refuse("a process that is there already")
            processes[process] = 1
            next
        }
        process == "" { refuse("no process"); next }
        text ~ /^  - / { item = substr(text, 5); sub(/^ +/, "", item); read_argument(item); next }
        text == "  -" { read_argument(""); next }
        text ~ /^  [^ -]/ { read_key(substr(text, 3), 2); next }
        text ~ /^    +[^ -]/ { sub(/^ +/, "", text); read_key(text, 4); next }
        { refuse("a form that the template does not hold") }
        END {
            for (each in processes) {
                if (executables[each] == "") verdict = "not understood: a process without executable"
            }
            if (! ("kube-apiserver" in processes)) print "not understood: no process kube-apiserver"
            else if (verdict != "") print verdict
            else if (! ("kube-apiserver 2 env env" in seen)) print "not understood: no env behind the arguments, the file may be cut"
            else if (! flag_line) print "not found: --requestheader-allowed-names, so any name is accepted"
            else if (flag_has_name) print "already right"
            else print "add " flag_line
        }
    ' "$1"
}

if [ ! -f "$file" ] || [ -L "$file" ] || [ ! -r "$file" ]; then
    answer "not understood: no readable file $file"
fi

verdict=$(judge "$file")
case "$verdict" in
    'add '*) line=${verdict#add } ;;
    'already right' | 'not found'* | 'not understood'*) answer "$verdict" ;;
    *) answer 'not understood: awk did not answer' ;;
esac

# A copy beside the file keeps owner and mode; it takes the file's place only when it reads as wished and is the file again
# once the name is taken out.
list='requestheader-allowed-names=[-A-Za-z0-9.,_:@/+=*]*'
temporary=${file%/*}/.${file##*/}.aggmedic
trap 'rm -f "$temporary"' EXIT
rm -f "$temporary"
if ! cp -p "$file" "$temporary" || ! sed "${line}s|$list|&,$name|" "$file" >"$temporary"; then
    answer 'not understood: no copy could be written'
fi
taken_out=$(sed "${line}s|\\($list\\),$name|\\1|" "$temporary" | sha256sum)
if [ "$(judge "$temporary")" != 'already right' ] || [ "$taken_out" != "$(sha256sum <"$file")" ]; then
    answer 'not understood: the copy does not read as wished'
fi
sync "$temporary" 2>/dev/null
if ! mv -f "$temporary" "$file"; then
    answer 'not understood: the copy could not take the place of the file'
fi
answer "changed: line $line of $file"
