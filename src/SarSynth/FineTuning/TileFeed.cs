// Batches of a training from tiles, in step with its checkpoints: a resumed run goes on where the data stood.
using System.Diagnostics;
using System.Text.Json;
using SarSynth.Data;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;

namespace SarSynth.FineTuning;

/// <summary>A tile of a batch with where it was cut out of the tile that was read.</summary>
/// <param name="Tile">The tile, cut.</param>
/// <param name="Rows">Rows before.</param>
/// <param name="Columns">Columns before.</param>
/// <param name="Top">First row of the cut.</param>
/// <param name="Left">First column of the cut.</param>
internal sealed record CutTile(Tile Tile, int Rows, int Columns, int Top, int Left);

/// <summary>Draws the batches of a training.</summary>
internal sealed class TileFeed : ITrainingCompanion, IDisposable
{
    private readonly ITileSource source;
    private readonly FineTuneRecipe recipe;
    private readonly int multiple;
    private readonly Ranks ranks;
    private TileBatches batches;
    private long? next;
    private (long Step, TileBatchPosition Position) begun = (-1, TileBatchPosition.Start);
    private long? first;
    private TimeSpan waited;

    /// <param name="source">Stays the caller's.</param>
    /// <param name="recipe">Batch, crop and seed.</param>
    /// <param name="multiple">What the networks need of a side: pixels.</param>
    /// <param name="ranks">Who else takes batches: all go through the same sequence, and pass by those of
    /// others.</param>
    public TileFeed(ITileSource source, FineTuneRecipe recipe, int multiple, Ranks? ranks = null)
    {
        (this.source, this.recipe, this.multiple, this.ranks) = (source, recipe, multiple, ranks ?? Ranks.Alone);
        batches = Open(null);
    }

    /// <summary>The batch of a micro-step; they must be asked for in their order.</summary>
    public IReadOnlyList<CutTile> Batch(TrainingStep step, CancellationToken cancel)
    {
        if (begun.Step != step.Step)
        {
            PassTo(step.Step * recipe.Accumulation, cancel);
            begun = (step.Step, batches.Position);
        }
        var asked = Stopwatch.GetTimestamp();
        PassTo(step.Index, cancel);
        var tiles = batches.Next(cancel);
        next++;
        // Nothing can be read ahead of the first.
        if (first is null)
            first = Stopwatch.GetTimestamp();
        else
            waited += Stopwatch.GetElapsedTime(asked);
        step.Note("tiles", tiles.Select(t => t.Key));
        return [.. tiles.Select((tile, i) => Cut(tile, recipe, multiple, (ulong)step.Index, (ulong)i))];
    }

    /// <summary>Time that batches had to be waited for, after the first.</summary>
    public TimeSpan Waited => waited;

    /// <summary>Time since the first batch was there.</summary>
    public TimeSpan Elapsed => first is { } begin ? Stopwatch.GetElapsedTime(begin) : TimeSpan.Zero;

    /// <inheritdoc/>
    public string State(long step)
    {
        if (step != begun.Step)
            PassTo(step * recipe.Accumulation, CancellationToken.None);
        return JsonSerializer.Serialize(step == begun.Step ? begun.Position : batches.Position, KitJson.Options);
    }

    /// <inheritdoc/>
    public void Restore(string state)
    {
        batches.Dispose();
        batches = Open(JsonSerializer.Deserialize<TileBatchPosition>(state, KitJson.Options));
        (next, begun) = (null, (-1, TileBatchPosition.Start));
    }

    public void Dispose() => batches.Dispose();

    /// <summary>
    /// A tile cut to the recipe's size at a place that the seed and the numbers tell, else to what the networks need.
    /// </summary>
    public static CutTile Cut(Tile tile, FineTuneRecipe recipe, int multiple, ulong index, ulong place)
    {
        if (recipe.Crop is not { } size)
        {
            var whole = Tiles.CutTo(tile, recipe.Bucket ?? multiple);
            return new(whole, tile.Rows, tile.Columns, (tile.Rows - whole.Rows) / 2 / 8 * 8,
                (tile.Columns - whole.Columns) / 2 / 8 * 8);
        }
        if (tile.Rows < size || tile.Columns < size)
            throw new TileException(tile.Source, tile.Key,
                $"found {tile.Rows} x {tile.Columns} pixels, expected {size} x {size} or more (recipe field 'crop')");
        // Whole eighths, so that conditions of a coarser scale are cut along.
        var random = new SplitMix(recipe.Seed, index, place, 0x63726F70);
        var (top, left) = (random.Next((tile.Rows - size) / 8 + 1) * 8, random.Next((tile.Columns - size) / 8 + 1) * 8);
        return new(tile.Cropped(new RasterWindow(top, left, size, size)), tile.Rows, tile.Columns, top, left);
    }

    // The first batch that is asked for tells where the sequence stands: positions are those of whole steps.
    private void PassTo(long batch, CancellationToken cancel)
    {
        for (next ??= batch; next < batch; next++)
            batches.Skip(cancel);
    }

    // A crop is taken of whole tiles, whatever their sides: so it is known which of them other ranks take.
    private TileBatches Open(TileBatchPosition? from) =>
        new(source, new TileOrder { Seed = recipe.Seed }, recipe.Batch, from,
            recipe.Crop is null ? recipe.Bucket ?? multiple : null,
            wanted: n => n % recipe.Accumulation % ranks.Count == ranks.Rank);
}
