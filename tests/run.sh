#!/usr/bin/env bash
# The whole check, from a clean clone on a machine that has Rust.
#
#   tests/run.sh            every step but `peers`
#   tests/run.sh quick      setup, format, clippy, tests
#   tests/run.sh STEP...    only these: setup format clippy docs msrv tests simulation examples benches fuzz peers
#
# setup     installs what is missing (Debian, with root or sudo; elsewhere it says what to install)
# format    rustfmt, of the crate and of the crates beside it
# clippy    no warning with the default features, with none, and with all of them
# docs      no warning from rustdoc
# msrv      the library with the oldest compiler that it promises to support
# tests     unit tests, integration tests against real servers, documentation examples; STEADFAST_CLUSTER_PLACES=all:
#           faults in clusters on both servers, each plain and with TLS, which takes twice as long
# simulation  random schedules of faults in virtual time, optimised: STEADFAST_SEEDS (100000) of one connection,
#             STEADFAST_CLUSTER_SEEDS (10000) of a cluster, with a thousand nodes and a thousand clients
# examples  each example runs to its end, with a server of this run where it needs a real one
# benches   each benchmark runs once; nothing is measured
# fuzz      each fuzz target for FUZZ_SECONDS (20), where cargo-fuzz is there
# peers     the comparison with other clients builds and runs; also with STEADFAST_PEERS=1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ALL=(setup format clippy docs msrv tests simulation examples benches fuzz)
QUICK=(setup format clippy tests)
FUZZ_SECONDS=${FUZZ_SECONDS:-20}
# For its own step alone: the other tests are not optimised.
seeds=${STEADFAST_SEEDS:-100000}
cluster_seeds=${STEADFAST_CLUSTER_SEEDS:-10000}
unset STEADFAST_SEEDS STEADFAST_CLUSTER_SEEDS
# Debug information and incremental builds cost minutes in a run from nothing and serve nobody here.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0
# The examples and tests bring their own servers.
unset REDIS_URL VALKEY_URL

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
scratch=$(mktemp -d)
step=arguments
table=()
notes=()
undo_policy=

say() { printf '%s\n' "$*"; }
# Something that was not checked. Said at once and again in the summary.
note() { notes+=("$*") && say "NOTE: $*"; }
fail() { say "$*" >&2 && exit 1; }

main() {
    local steps=("$@")
    if [ $# -eq 0 ]; then
        steps=("${ALL[@]}")
        if [ "${STEADFAST_PEERS:-0}" = 1 ]; then steps+=(peers); fi
    elif [ "$*" = quick ]; then
        steps=("${QUICK[@]}")
    fi
    for name in "${steps[@]}"; do
        case " ${ALL[*]} peers " in
            *" $name "*) ;;
            *) fail "there is no step '$name': ${ALL[*]} peers, or quick" ;;
        esac
    done
    for name in "${steps[@]}"; do
        step=$name
        printf '\n=== %s\n' "$step"
        local begin=$SECONDS
        "step_$step"
        table+=("$(printf '%6d s  %s' $((SECONDS - begin)) "$step")")
        say "=== $step: $((SECONDS - begin)) s"
    done
}

finish() {
    local status=$?
    trap - EXIT
    if [ -n "$undo_policy" ]; then $sudo rm -f "$undo_policy"; fi
    rm -rf "$scratch"
    printf '\n=== summary\n'
    for line in ${table[@]+"${table[@]}"}; do say "$line"; done
    say "$(printf '%6d s  in all' "$SECONDS")"
    for line in ${notes[@]+"${notes[@]}"}; do say "NOTE: $line"; done
    if [ "$status" -ne 0 ]; then
        say "FAILED in step $step (exit $status)"
    else
        say "passed"
    fi
    exit "$status"
}

# ---------------------------------------------------------------------------------------------------- setup

sudo=
packages=(redis-server redis-sentinel haproxy openssl gcc)

step_setup() {
    cargo fmt --version >/dev/null 2>&1 || fail "rustfmt is missing: rustup component add rustfmt"
    cargo clippy --version >/dev/null 2>&1 || fail "clippy is missing: rustup component add clippy"
    local missing=() name
    for name in "${packages[@]}"; do
        if ! installed "$name"; then missing+=("$name"); fi
    done
    if ! installed valkey-server; then missing+=(valkey-server); fi
    if [ ${#missing[@]} -eq 0 ]; then
        say "all there: $(redis-server --version | cut -d' ' -f1-3), $(valkey-server --version | cut -d' ' -f1-3)"
        return
    fi
    say "missing: ${missing[*]}"
    may_install || fail "Please install these programs: ${missing[*]}
(Debian and its like: apt-get install, with root; valkey-server is in backports on Debian 12, in the release itself from 13 on.
Fedora: dnf install redis valkey haproxy openssl gcc. macOS: brew install redis valkey haproxy openssl.)"
    $sudo apt-get -q update || say "not every package source could be read; going on with the others"
    keep_services_down
    for name in "${missing[@]}"; do
        if [ "$name" = valkey-server ] && ! offered valkey-server; then
            install_from_backports valkey-server
        else
            install "$name"
        fi
        # A server must not come up by itself at the next boot either: it would sit on port 6379.
        case $name in *-server | *-sentinel | haproxy) $sudo update-rc.d "$name" disable || true ;; esac
    done
    for name in "${missing[@]}"; do installed "$name" || fail "$name was installed and still is not found"; done
}

# Servers may lie where the search path of an ordinary user does not look.
installed() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null; }

# A package that can be installed from the machine's own sources.
offered() { apt-cache policy "$1" | grep -q 'Candidate: [0-9]'; }

may_install() {
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" -ne 0 ]; then
        sudo=sudo
        command -v sudo >/dev/null || return 1
        # Without a terminal nobody can type a password.
        [ -t 0 ] || sudo -n true 2>/dev/null || return 1
    fi
}

install() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qy -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"; }

# Debian starts a service when its package is installed, unless this file says no.
keep_services_down() {
    local policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then return; fi
    undo_policy=$policy
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
}

# Installs from the backports of this release, with lists of their own: the machine's package sources stay as they are.
install_from_backports() {
    local codename mirror lists="$scratch/apt" key=/usr/share/keyrings/debian-archive-keyring.gpg signed=
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    mirror=$(mirror_of "$codename")
    [ -n "$mirror" ] || fail "No package $* here, and no Debian mirror among the package sources: please install it yourself."
    if [ -e "$key" ]; then signed="[signed-by=$key] "; fi
    mkdir -p "$lists/partial"
    printf "deb ${signed}%s %s main\n" "$mirror" "$codename" "$mirror" "$codename-backports" >"$scratch/sources.list"
    # apt reads its lists as a user of its own.
    chmod -R a+rX "$scratch"
    local apart=(-o "Dir::Etc::sourcelist=$scratch/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$lists")
    $sudo apt-get -q "${apart[@]}" update
    install "${apart[@]}" "$@"
    $sudo rm -rf "$lists"
}

# The address from which this machine gets the release $1.
mirror_of() {
    local address codename component origin
    while read -r address codename component origin; do
        if [ "$codename" = "$1" ] && [ "$component" = main ] && [ "$origin" = Debian ]; then
            printf '%s' "$address"
            break
        fi
    done < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages')
}

# --------------------------------------------------------------------------------------------------- checks

step_format() {
    cargo fmt --check
    local manifest
    for manifest in fuzz/Cargo.toml benches/peers/Cargo.toml; do
        if [ -e "$manifest" ]; then cargo fmt --manifest-path "$manifest" --check; fi
    done
}

step_clippy() {
    local features
    # Everything there is, then the library alone: the tests switch the feature `testing` on, users mostly don't.
    for features in "" --no-default-features --all-features; do
        say "clippy ${features:-with the default features}"
        cargo clippy --locked --all-targets $features -- -D warnings
    done
    for features in "" --no-default-features; do
        say "clippy of the library alone ${features:-with the default features}"
        cargo clippy --locked --lib $features -- -D warnings
    done
}

step_docs() {
    RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --locked --no-deps --all-features
}

step_tests() {
    # A folder of its own shows what the tests leave behind.
    mkdir "$scratch/tests"
    TMPDIR="$scratch/tests" cargo test --locked --all-features
    local patience=50
    # What a killed test leaves is cleared up by its watchdogs, a moment later.
    while left_behind >/dev/null && [ "$patience" -gt 0 ]; do sleep 0.1 && patience=$((patience - 1)); done
    if left_behind; then fail "the tests left this behind"; fi
}

# The folders of the tests that are still there, and the processes that run in one; false if there is nothing.
left_behind() {
    local process folder found=1
    for folder in "$scratch"/tests/steadfast-*; do
        if [ -e "$folder" ]; then say "$folder" && found=0; fi
    done
    for process in /proc/[0-9]*; do
        folder=$(readlink "$process/cwd" 2>/dev/null || true)
        case $folder in "$scratch/tests"/*) say "process ${process#/proc/} in $folder" && found=0 ;; esac
    done
    return "$found"
}

step_simulation() {
    # The core needs none of the features, and builds faster without them.
    STEADFAST_SEEDS=$seeds timeout 3600 cargo test --locked --no-default-features --profile simulation --lib \
        connection::simulation::schedules
    # What it costs is told as well.
    STEADFAST_CLUSTER_SEEDS=$cluster_seeds timeout 3600 cargo test --locked --no-default-features --profile simulation \
        --test cluster_simulation -- --nocapture
}

step_examples() {
    local names name url= pids=()
    names=$(programs examples)
    if [ -z "$names" ]; then say "there are none" && return; fi
    cargo build --locked --all-features --examples
    # For those that need more of a server than the one for unit tests can do.
    redis-server --port 0 --unixsocket "$scratch/redis.sock" --dir "$scratch" --save "" --daemonize no \
        >"$scratch/redis.log" & pids+=($!)
    for name in $names; do
        say "example $name"
        url="unix://$scratch/redis.sock"
        if grep -q 'redis+cluster://' "examples/$name.rs"; then start_cluster; fi
        if grep -q FakeServer "examples/$name.rs"; then
            timeout 60 cargo run --quiet --locked --all-features --example "$name" </dev/null
        else
            REDIS_URL=$url timeout 60 cargo run --quiet --locked --all-features --example "$name" </dev/null
        fi || { kill "${pids[@]}" 2>/dev/null; fail "the example $name ended with $? (124: after 60 s)"; }
    done
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" || true
}

# Three nodes that are a cluster: their processes are added to `pids`, and `url` names them.
start_cluster() {
    local nodes=() folder port pid patience
    while [ ${#nodes[@]} -lt 3 ]; do
        # The nodes speak to each other on a port that is 10000 higher.
        port=$((20000 + RANDOM % 10000))
        folder="$scratch/cluster-$port"
        mkdir -p "$folder"
        redis-server --port "$port" --bind 127.0.0.1 --cluster-enabled yes --dir "$folder" --save "" --daemonize no \
            >"$folder/redis.log" & pid=$!
        pids+=("$pid")
        for ((patience = 50; patience > 0; patience--)); do
            if grep -q 'Ready to accept' "$folder/redis.log"; then nodes+=("127.0.0.1:$port") && break; fi
            # Somebody else has the port: another one is tried.
            if ! kill -0 "$pid" 2>/dev/null; then break; fi
            sleep 0.1
        done
    done
    redis-cli --cluster create "${nodes[@]}" --cluster-yes >"$scratch/cluster.log" ||
        { kill "${pids[@]}"; fail "no cluster came about: $(tail -n 5 "$scratch/cluster.log")"; }
    url="redis+cluster://${nodes[0]},${nodes[1]},${nodes[2]}"
}

step_benches() {
    local names name chosen=()
    names=$(programs benches)
    if [ -z "$names" ]; then say "there are none" && return; fi
    for name in $names; do chosen+=(--bench "$name"); done
    cargo test --locked --all-features --no-run "${chosen[@]}"
    for name in $names; do
        say "bench $name"
        # `cargo test` does not pass `--bench`, and a benchmark that is not told so runs each case only once.
        STEADFAST_BENCH_SMOKE=1 timeout 120 cargo test --quiet --locked --all-features --bench "$name" </dev/null ||
            fail "the benchmark $name ended with $? (124: after 120 s)"
    done
}

# The names of the programs in a folder: its files, and its folders with a main.rs.
programs() {
    local path
    for path in "$1"/*.rs "$1"/*/main.rs; do
        case $path in
            *'*'*) ;;
            */main.rs) basename "$(dirname "$path")" ;;
            *) basename "$path" .rs ;;
        esac
    done
}

# ----------------------------------------------------------------------------------------------------- msrv

step_msrv() {
    local version rustc
    version=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
    find_rustc "$version"
    if [ -z "$rustc" ]; then
        note "the library was NOT checked with Rust $version: that compiler is neither here nor to be had from this machine's packages (rustup toolchain install $version)"
        return
    fi
    say "$("$rustc" --version)"
    RUSTC=$rustc cargo check --locked --lib --all-features --target-dir "$target/msrv"
}

# Sets `rustc` to a compiler of version $1, or to nothing.
find_rustc() {
    local toolchain
    rustc=
    if command -v rustup >/dev/null; then
        toolchain=$(rustup toolchain list | grep -oE "^$1(\.[0-9]+)?-[^ ]+" | head -n 1 || true)
        if [ -n "$toolchain" ]; then rustc=$(rustup which --toolchain "$toolchain" rustc); fi
    elif rustc --version | grep -q "^rustc $1\."; then
        rustc=rustc
    fi
    if [ -z "$rustc" ] && command -v apt-get >/dev/null && unpack_rustc "$1" "$target/rustc-$1"; then
        rustc=$target/rustc-$1/rustc
    fi
}

# Unpacks Debian's packages of Rust $1, and what they need that isn't here, into the folder $2. Nothing is installed.
# Called as a condition, where `set -e` does not hold.
unpack_rustc() {
    local flavour version wanted package
    if [ -x "$2/rustc" ]; then return; fi
    rm -rf "$2"
    mkdir -p "$2"
    # Debian 12 has it beside its own, for building browsers; Debian 13 as its own.
    for flavour in rust-web rust; do
        package=rustc${flavour#rust}
        version=$(apt-cache madison "$package" | cut -d'|' -f2 | tr -d ' ' | grep "^$1\." | head -n 1 || true)
        if [ -z "$version" ]; then continue; fi
        # What an installation would add is what is missing here.
        wanted=$(apt-get install -s --no-install-recommends \
            "$package=$version" "libstd-$flavour-dev=$version" "libstd-$flavour-$1=$version")
        wanted=$(sed -nE 's/^Inst ([^ ]+) (\[[^]]*\] )?\(([^ ]+) .*/\1=\3/p' <<<"$wanted")
        # shellcheck disable=SC2086 # one word for each package
        (cd "$2" && apt-get -q -o APT::Sandbox::User=root download $wanted) || return 1
        for package in "$2"/*.deb; do dpkg -x "$package" "$2" || return 1; done
        rm -f "$2"/*.deb
        cat >"$2/rustc.new" <<'WRAPPER'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")/usr
for folder in "$here"/lib/*-linux-gnu; do LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; done
export LD_LIBRARY_PATH
exec "$here/bin/rustc" "$@"
WRAPPER
        chmod 755 "$2/rustc.new"
        "$2/rustc.new" --version >/dev/null || return 1
        mv "$2/rustc.new" "$2/rustc"
        return
    done
    return 1
}

# ----------------------------------------------------------------------------------------------- fuzz, peers

step_fuzz() {
    local names name corpus
    names=$(programs fuzz/fuzz_targets)
    if [ -z "$names" ]; then say "there are no targets" && return; fi
    if ! cargo fuzz --version >/dev/null 2>&1; then
        note "the fuzz targets were NOT run: no cargo-fuzz (cargo install cargo-fuzz)"
        return
    fi
    if ! command -v c++ >/dev/null; then
        note "the fuzz targets were NOT run: no C++ compiler (apt-get install g++)"
        return
    fi
    for name in $names; do
        say "fuzz target $name, $FUZZ_SECONDS s"
        # New inputs go into the first folder, so that the corpus in the repository stays as it is.
        mkdir -p "$scratch/corpus/$name"
        corpus=("$scratch/corpus/$name" fuzz/corpus/*/)
        # Without unsafe code a sanitizer has nothing to find, and without it the stable compiler will do.
        CARGO_PROFILE_RELEASE_DEBUG=0 cargo fuzz run --sanitizer none --target-dir "$target/fuzz" "$name" "${corpus[@]}" -- \
            -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048
    done
    # Made for every target, and empty where nothing was found.
    find fuzz/artifacts -type d -empty -delete 2>/dev/null || true
}

step_peers() {
    if [ ! -e benches/peers/Cargo.toml ]; then say "there is no such comparison" && return; fi
    local peers=(--locked --release --all-features --manifest-path benches/peers/Cargo.toml --target-dir "$target/peers")
    cargo build "${peers[@]}"
    timeout 600 cargo run --quiet "${peers[@]}" -- all --quick --rounds 1 </dev/null ||
        fail "the comparison ended with $? (124: after 600 s)"
    timeout 600 cargo run --quiet "${peers[@]}" -- faults --quick </dev/null ||
        fail "the comparison under faults ended with $? (124: after 600 s)"
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
main "$@"
