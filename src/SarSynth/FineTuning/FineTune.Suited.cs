// What fits on the machine: types, recomputation and crops by the base's size, and a word before memory runs out.
using SarSynth.Data;
using SarSynth.Diffusion;
using TorchSharp;

namespace SarSynth.FineTuning;

public static partial class FineTune
{
    // The UNet of Stable Diffusion 1 has 0.86 G numbers, SDXL's 2.57 G; the kit's own have a few million.
    private const long Large = 500_000_000;

    private const int CropOnCpu = 512;

    /// <summary>
    /// A recipe for someone who named base, tiles and strategy alone: bases of Stable Diffusion's size are trained with
    /// their UNet in bfloat16 and with gradient checkpointing, on the CPU by squares of 512 pixels. Small ones stay.
    /// </summary>
    /// <param name="recipe">With its base and data.</param>
    /// <param name="precision">Whether the precision is the user's own.</param>
    /// <param name="checkpointing">Whether gradient checkpointing is.</param>
    /// <param name="crop">Whether the crop is.</param>
    /// <returns>The recipe, and what was chosen in a sentence; null where nothing was.</returns>
    public static (FineTuneRecipe Recipe, string? Chosen) Suited(
        FineTuneRecipe recipe, bool precision, bool checkpointing, bool crop)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var numbers = NumbersOfUnet(recipe);
        if (numbers < Large)
            return (recipe, null);
        var chosen = new List<string>();
        if (!precision)
        {
            recipe = recipe with { Precision = Precision.Bfloat16 };
            chosen.Add("bfloat16 (--precision float32 for full precision)");
        }
        if (!checkpointing)
        {
            recipe = recipe with { GradientCheckpointing = true };
            chosen.Add("gradient checkpointing (--gradient-checkpointing false for speed)");
        }
        if (!crop && ComputeDevice.Find(recipe.Device).type == DeviceType.CPU && SmallestSide(recipe) > CropOnCpu)
        {
            recipe = recipe with { Crop = CropOnCpu };
            chosen.Add($"crops of {CropOnCpu} pixels (--crop for others)");
        }
        return (recipe, chosen.Count == 0 ? null
            : FormattableString.Invariant($"the base's UNet has {numbers / 1e9:F2} G numbers: ")
                + string.Join(", ", chosen));
    }

    /// <summary>
    /// Refuses a run on the CPU that needs more memory than there is, and says by which settings it would fit.
    /// </summary>
    private static void RequireMemory(FineTuneRecipe recipe, Sources tiles)
    {
        if (ComputeDevice.Find(recipe.Device).type != DeviceType.CPU || NumbersOfUnet(recipe) < Large)
            return;
        var there = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var needed = Peak(recipe, tiles, there);
        if (needed <= there)
            return;
        var (smaller, said) = (recipe, new List<string>());
        foreach (var (change, words) in Reliefs(recipe))
        {
            smaller = change(smaller);
            said.Add(words);
            if (Peak(smaller, tiles, there) is var less && less <= there)
                throw new InsufficientMemoryException(Words(needed)
                    + FormattableString.Invariant($"; with {string.Join(", ", said)} it needs {less / 1e9:F1} GB."));
        }
        throw new InsufficientMemoryException(Words(needed) + "; LoRA or a smaller base needs less.");

        string Words(long bytes) => FormattableString.Invariant(
            $"memory: a step needs {bytes / 1e9:F1} GB of the {there / 1e9:F1} GB that are here");
    }

    // The largest first: what each of them leaves is estimated anew.
    private static IEnumerable<(Func<FineTuneRecipe, FineTuneRecipe> Change, string Words)> Reliefs(
        FineTuneRecipe recipe)
    {
        if (!recipe.GradientCheckpointing)
            yield return (r => r with { GradientCheckpointing = true }, "gradient checkpointing");
        if (recipe.Precision == Precision.Float32)
            yield return (r => r with { Precision = Precision.Bfloat16 }, "precision bfloat16");
        if (recipe.Batch > 1)
            yield return (r => r with { Batch = 1, Accumulation = r.Accumulation * r.Batch },
                $"batch 1 and accumulation {recipe.Accumulation * recipe.Batch}");
        if (recipe.Crop is null or > CropOnCpu)
            yield return (r => r with { Crop = CropOnCpu }, $"crop {CropOnCpu}");
        if (recipe.Optimizer == OptimizerKind.AdamW)
            yield return (r => r with { Optimizer = OptimizerKind.Adafactor }, "optimizer adafactor");
    }

    // What weights, gradients and optimizer take already can be too much to be opened for an estimate.
    private static long Peak(FineTuneRecipe recipe, Sources tiles, long there) =>
        Least(recipe) is var least && least > there ? least : Needs(recipe, tiles, []).Memory.Peak;

    private static long Least(FineTuneRecipe recipe)
    {
        var (unet, all) = (NumbersOfUnet(recipe), ModelInfo.Of(BaseOf(recipe)).Parameters);
        var isNarrow = recipe.Precision == Precision.Bfloat16;
        var bytes = (all - unet) * sizeof(float) + unet * (KeepsDenoiser(recipe) ? 2 : isNarrow ? 6 : sizeof(float));
        if (!recipe.Strategy.Any(s => s is FullStrategy { Part: "unet" }))
            return bytes;
        return bytes + unet * sizeof(float) * (recipe.Optimizer == OptimizerKind.AdamW ? 3 : 1);
    }

    private static long NumbersOfUnet(FineTuneRecipe recipe) =>
        ModelInfo.Of(BaseOf(recipe)).Parts.Where(part => part.Name == "unet").Sum(part => part.Parameters);

    private static int SmallestSide(FineTuneRecipe recipe)
    {
        using var tiles = Tiles.Open(DataOf(recipe), recipe.Reading with { RequireCaptions = false, Conditions = [] });
        var tile = tiles.Sequence(new TileOrder()).First().Load();
        return Math.Min(tile.Rows, tile.Columns);
    }
}
