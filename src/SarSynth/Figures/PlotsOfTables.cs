// Charts of the table by which translation is judged.
using Plotly.NET;
using SarSynth.Evaluation;
using Chart = Plotly.NET.CSharp.Chart;

namespace SarSynth.Figures;

public static partial class Plots
{
    /// <summary>One measure scene by scene, a bar for each candidate.</summary>
    /// <param name="table">The table.</param>
    /// <param name="id">The measure, for example "multilook-16".</param>
    /// <exception cref="ArgumentException">There is no such measure.</exception>
    public static GenericChart Scenes(TranslationTable table, string id)
    {
        var row = table[id];
        // Unpaired heaps differ in number: the longest tells how many places there are.
        var count = row.Cells.Max(c => c.Scenes.Count);
        var names = Enumerable.Range(0, count).Select(s => s < table.Scenes.Count ? table.Scenes[s] : $"image {s + 1}");
        return Chart.Combine([.. table.Candidates.Zip(row.Cells).Where(c => c.First != TranslationTable.Halves)
                .Select(c => Bars(names, Enumerable.Range(0, count).Select(s =>
                    c.Second.Scenes.ElementAtOrDefault(s) ?? double.NaN), c.First))])
            .WithTitle(TableText.FullName(row)).WithXAxis("", AxisScale.Names)
            .WithYAxis(row.Unit.Length > 0 ? row.Unit : row.Name);
    }

    /// <summary>One measure of each candidate with its interval; the dotted line is the ideal.</summary>
    /// <param name="table">The table.</param>
    /// <param name="id">The measure, for example "resnet-kernel".</param>
    /// <exception cref="ArgumentException">There is no such measure.</exception>
    public static GenericChart Intervals(TranslationTable table, string id)
    {
        var row = table[id];
        var known = table.Candidates.Zip(row.Cells).Where(c => c.Second.Value is not null).ToArray();
        var parts = new List<GenericChart>();
        foreach (var (name, cell) in known.Where(c => c.Second.Lower is not null))
            parts.Add(Chart.Line<string, double, string>([name, name], [cell.Lower!.Value, cell.Upper!.Value],
                LineWidth: 4.0, LineColor: Color.fromString(Theme.Quiet)).Named(null));
        parts.Add(Chart.Point<string, double, string>([.. known.Select(c => c.First)],
            [.. known.Select(c => c.Second.Value!.Value)], Marker: Theme.With(new Plotly.NET.TraceObjects.Marker(),
                ("size", 9), ("color", Theme.First))).Named(null));
        if (row.Ideal is { } ideal)
            parts.Add(Chart.Line<string, double, string>([.. known.Select(c => c.First)],
                [.. known.Select(_ => ideal)], LineDash: StyleParam.DrawingStyle.Dot, LineWidth: 1.0,
                LineColor: Color.fromString(Theme.Quiet)).Named(null));
        return Chart.Combine(parts).WithTitle(TableText.FullName(row)).WithXAxis("", AxisScale.Names)
            .WithYAxis(row.Unit.Length > 0 ? row.Unit : row.Name);
    }
}
