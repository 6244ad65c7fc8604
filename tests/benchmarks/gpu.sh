#!/bin/bash
# The kit on a machine with an NVIDIA GPU, in ten minutes: build, parity, benchmarks beside PyTorch, one step of SDXL.
# Usage: tests/benchmarks/gpu.sh [cuda[:N]]; logs go to artifacts/gpu/. Exit code 0: all passed, 1: something missed, 2: cannot run.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
device=${1:-cuda}
logs=$root/artifacts/gpu
limit=600
rows=()
bad=0

refuse() { echo "gpu.sh: $1" >&2; exit 2; }
[[ $device =~ ^cuda(:[0-9]+)?$ ]] || refuse "found '$device', expected cuda or cuda:N."
command -v nvidia-smi > /dev/null || refuse "nvidia-smi is not there, expected NVIDIA's driver: without a GPU there is nothing to try."
gpu=$(nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>&1) ||
    refuse "nvidia-smi finds no GPU: $(head -n 1 <<< "$gpu")"
mkdir -p "$logs" || refuse "$logs cannot be made."
echo "$gpu"

# step NAME SECONDS COMMAND...: runs it with its output in a log and the time that is left as its limit; a row of the table.
step() {
    local name=$1 most=$2 begun=$SECONDS log=$logs/$1.log code left result
    shift 2
    left=$((limit - SECONDS))
    if [ "$left" -lt 5 ]; then rows+=("$name|left out|0|the ten minutes are over"); bad=1; return 1; fi
    [ "$left" -lt "$most" ] && most=$left
    timeout "$most" "$@" > "$log" 2>&1 < /dev/null
    code=$?
    case $code in 0) result=ok ;; 124) result="out of time" ;; *) result="failed ($code)" ;; esac
    [ $code = 0 ] || bad=1
    rows+=("$name|$result|$((SECONDS - begun))|$(tail -n 1 "$log" | cut -c 1-100)")
    return $code
}

# The libtorch for GPUs, from whichever package source has it; the rest needs it.
if step set-up 300 "$root/environment/setup.sh" --engine cuda --yes; then
    # TensorFloat-32 rounds products to 10 bits: the recorded results are of full float32.
    step parity 240 env NVIDIA_TF32_OVERRIDE=0 "$root/sarsynth" parity "$root/tests/goldens/diffusion" --device "$device"
    step diffusion 120 "$root/sarsynth" bench diffusion --device "$device"
    if python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2> /dev/null; then
        step diffusion-pair 120 "$root/sarsynth" bench diffusion-pair --device "$device"
    else
        rows+=("diffusion-pair|left out|0|python3 has no torch that sees a GPU: nothing to compare with")
    fi
    step sdxl-step 180 "$root/sarsynth" bench diffusion-full unet --device "$device"
fi

echo
printf '%-16s %-14s %8s  %s\n' step result seconds "last line (all of it in ${logs#"$root"/}/)"
for row in "${rows[@]}"; do
    IFS='|' read -r name result seconds line <<< "$row"
    printf '%-16s %-14s %8s  %s\n' "$name" "$result" "$seconds" "$line"
done
for name in diffusion diffusion-pair sdxl-step; do
    [ -s "$logs/$name.log" ] && [ "$logs/$name.log" -nt "$logs/set-up.log" ] && { echo; echo "$name:"; tail -n 12 "$logs/$name.log"; }
done
exit $bad
