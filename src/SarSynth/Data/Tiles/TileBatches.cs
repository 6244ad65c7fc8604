// Batches of tiles of one size, read ahead on other threads: the loader that a training waits for as little as can be.
using System.Collections.Concurrent;

namespace SarSynth.Data;

/// <summary>How far batches have come.</summary>
/// <param name="Sequence">Where the sequence of tiles stands; null at the beginning.</param>
/// <param name="Waiting">Tiles that were drawn and wait for others of their size.</param>
public sealed record TileBatchPosition(TilePosition? Sequence, IReadOnlyList<TileReference> Waiting)
{
    /// <summary>Before the first batch.</summary>
    public static TileBatchPosition Start { get; } = new(null, []);
}

/// <summary>
/// Batches in the order of a sequence. Tiles of different sizes gather by size, and a size gives a batch when it has
/// enough; none is lost or seen twice by it, and the ones that wait are part of the position. Tiles come whole: who
/// cuts them knows then what they were cut from.
/// </summary>
public sealed class TileBatches : IDisposable
{
    private readonly int batch;
    private readonly int? step;
    private readonly Func<long, bool>? wanted;
    private readonly Dictionary<(int Rows, int Columns), Queue<(TileReference Reference, Tile? Tile)>> waiting = [];
    private readonly BlockingCollection<Drawn> ahead;
    private readonly CancellationTokenSource stop = new();
    private readonly Task reading;
    private TilePosition? sequence;
    private Exception? ended;

    private readonly record struct Drawn(TileStep? Step, Task<Tile>? Tile, Exception? Failure);

    /// <param name="source">Where tiles come from; stays the caller's.</param>
    /// <param name="order">Seed and rank.</param>
    /// <param name="batch">Tiles in a batch, at least 1.</param>
    /// <param name="from">Where to go on; null from the beginning.</param>
    /// <param name="step">
    /// Tiles are of one size when their sides are, each less what is over a multiple of this; null where all will be
    /// cut to one size, whatever theirs.
    /// </param>
    /// <param name="ahead">Batches that are read ahead.</param>
    /// <param name="wanted">Which batches will be taken, by their number from 0 counted from here; all where null. The
    /// others must be passed by (<see cref="Skip"/>); where the step is null their tiles are not read.</param>
    /// <exception cref="ArgumentException">
    /// A batch, step or number of batches ahead below 1, or a position of other data.
    /// </exception>
    public TileBatches(ITileSource source, TileOrder order, int batch, TileBatchPosition? from = null, int? step = 8,
        int ahead = 2, Func<long, bool>? wanted = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(step ?? 1, 1, nameof(step));
        ArgumentOutOfRangeException.ThrowIfLessThan(ahead, 1);
        (this.batch, this.step, this.wanted) = (batch, step, wanted);
        sequence = from?.Sequence;
        foreach (var reference in from?.Waiting ?? [])
            Queue(reference, source.Load(reference));
        var steps = source.Sequence(order, sequence);
        this.ahead = new BlockingCollection<Drawn>(batch * ahead);
        var there = waiting.Values.Sum(queue => (long)queue.Count);
        reading = Task.Factory.StartNew(() => ReadAhead(steps, there), CancellationToken.None,
            TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Where the next batch begins: for the checkpoint of the step that took the last one.</summary>
    public TileBatchPosition Position =>
        new(sequence, [.. waiting.OrderBy(q => q.Key).SelectMany(q => q.Value).Select(t => t.Reference)]);

    /// <summary>The next batch: whole tiles that can be cut to one size.</summary>
    /// <param name="cancel">Ends the waiting for it.</param>
    /// <exception cref="TileException">A tile cannot be read, or is not what it should be.</exception>
    public IReadOnlyList<Tile> Next(CancellationToken cancel = default) => [.. Take(cancel).Select(tile => tile
        ?? throw new InvalidOperationException("batch: is one of those that were not wanted."))];

    /// <summary>Passes a batch by that is not wanted.</summary>
    /// <inheritdoc cref="Next"/>
    public void Skip(CancellationToken cancel = default) => Take(cancel);

    private Tile?[] Take(CancellationToken cancel)
    {
        while (true)
        {
            // By size, so that after a stop the same queue is the first to be full.
            foreach (var (_, queue) in waiting.OrderBy(q => q.Key))
            {
                if (queue.Count >= batch)
                    return [.. Enumerable.Range(0, batch).Select(_ => queue.Dequeue().Tile)];
            }
            var drawn = ended is null ? ahead.Take(cancel) : default;
            // Behind a failure of the source nothing more comes: it is told again.
            if ((ended ??= drawn.Failure) is { } failure)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
            Queue(drawn.Step!.Reference, drawn.Tile?.GetAwaiter().GetResult());
            sequence = drawn.Step.After;
        }
    }

    /// <summary>Stops reading ahead.</summary>
    public void Dispose()
    {
        stop.Cancel();
        try
        {
            reading.Wait();
        }
        catch (AggregateException)
        {
            // Whoever takes a batch is told what went wrong; here nobody does.
        }
        ahead.Dispose();
        stop.Dispose();
    }

    private void Queue(TileReference reference, Tile? tile)
    {
        var size = step is { } multiple ? Tiles.WholeSteps(tile!, multiple) : default;
        if (!waiting.TryGetValue(size, out var queue))
            waiting[size] = queue = new();
        queue.Enqueue((reference, tile));
    }

    // read: tiles of the batches from here on that are there already.
    private void ReadAhead(IEnumerable<TileStep> steps, long read)
    {
        try
        {
            foreach (var next in steps)
            {
                // Of one size, tiles come to batches as they come.
                var taken = step is not null || wanted is null || wanted(read++ / batch);
                ahead.Add(new Drawn(next, taken ? Task.Run(next.Load) : null, null), stop.Token);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Disposed.
        }
        catch (Exception error)
        {
            ahead.Add(new Drawn(null, null, error), stop.Token);
        }
    }
}
