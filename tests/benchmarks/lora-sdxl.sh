#!/bin/bash
# Steps of a LoRA of rank 16 on SDXL's UNet at full size, random weights made on the spot: 512 x 512 pixels, bfloat16,
# gradient checkpointing. Prints seconds a step and the most memory of the process. Takes 7 GB of disk and some minutes.
#   tests/benchmarks/lora-sdxl.sh [FOLDER] [STEPS]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${1:-$(mktemp -d)} steps=${2:-3}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)}
"$root/sarsynth" --help > /dev/null  # Builds the program where it is older than its sources.
[ -f "$folder/base/model_index.json" ] ||
    dotnet run --project "$root/tests/benchmarks" -c Release -- diffusion-full pipeline --make --folder "$folder/base"
rm -rf --one-file-system "$folder/out"
cat > "$folder/recipe.json" <<RECIPE
{
  "name": "lora-sdxl", "base": "$folder/base", "data": "paired-scenes", "crop": 512, "steps": $steps, "batch": 1,
  "strategy": [{ "kind": "lora", "parts": ["unet"], "rank": 16, "learningRate": 1e-4 }],
  "precision": "bfloat16", "gradientCheckpointing": true, "checkpointEvery": 1000, "device": "cpu",
  "schedule": { "shape": "constant" }, "validation": { "every": 1000, "prompts": [] }
}
RECIPE
/usr/bin/time -f 'most memory %M kB, %e s in all' \
    dotnet "$root/artifacts/bin/SarSynth.Cli/release/sarsynth-cli.dll" finetune "$folder/recipe.json" -o "$folder/out"
