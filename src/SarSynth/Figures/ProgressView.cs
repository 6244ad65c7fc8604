// How far a long computation is, as a notebook shows it.
using System.Globalization;

namespace SarSynth.Figures;

/// <summary>
/// A bar with the share that is done and the time that remains; shown once, then updated in its place.
/// </summary>
/// <remarks>The kit's own verbs show theirs: see <see cref="NotebookProgress"/>.</remarks>
/// <param name="what">What is being done.</param>
/// <param name="time">The clock; the system's when null.</param>
public sealed class ProgressView(string what, TimeProvider? time = null)
{
    private readonly TimeProvider time = time ?? TimeProvider.System;
    private long? begun;
    private double first, share;
    private string detail = "";
    private bool stopped;

    /// <summary>
    /// Sets how far the work is. Time that remains is told from the pace since the first
    /// call, so that resumed work is told rightly.
    /// </summary>
    /// <param name="share">The share that is done, 0 to 1; values outside are taken as the nearer end.</param>
    /// <param name="detail">What is being done right now; may be empty.</param>
    /// <exception cref="ArgumentException"><paramref name="share"/> is NaN.</exception>
    public ProgressView At(double share, string detail = "")
    {
        if (double.IsNaN(share))
            throw new ArgumentException("found NaN, expected the share that is done, 0 to 1.", nameof(share));
        (this.share, this.detail) = (Math.Clamp(share, 0, 1), detail);
        if (begun is null)
            (begun, first) = (time.GetTimestamp(), this.share);
        return this;
    }

    /// <summary>Sets that the work was broken off where it is.</summary>
    public ProgressView Stopped()
    {
        stopped = true;
        return this;
    }

    /// <summary>The bar as a piece of a page.</summary>
    public string ToHtml() =>
        $"<div><progress max=\"1\" value=\"{share.ToString("F4", CultureInfo.InvariantCulture)}\" "
            + $"style=\"width:260px;vertical-align:middle\"></progress> {Report.Encode(ToString())}</div>";

    /// <summary>The share, what is done and the time that remains, in words.</summary>
    public override string ToString()
    {
        var elapsed = begun is { } start ? time.GetElapsedTime(start) : TimeSpan.Zero;
        if (share >= 1)
            return $"{what}: done in {Clock(elapsed)}";
        if (stopped)
            return $"{what}: broken off at {Percent()} after {Clock(elapsed)}";
        var remaining = share > first ? $" \u00b7 {Clock(elapsed * ((1 - share) / (share - first)))} left" : "";
        return $"{Percent()} \u00b7 {what}{(detail.Length > 0 ? $" \u00b7 {detail}" : "")}{remaining}";
    }

    private string Percent() => $"{Math.Floor(100 * share).ToString(CultureInfo.InvariantCulture)} %";

    private static string Clock(TimeSpan t) =>
        t.TotalHours >= 1 ? $"{(int)t.TotalHours}:{t:mm\\:ss} h" : t.TotalMinutes >= 1
            ? $"{(int)t.TotalMinutes}:{t:ss} min" : $"{Math.Ceiling(t.TotalSeconds):F0} s";
}
