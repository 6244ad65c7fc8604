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
        return Chart.Combine([.. table.Candidates.Zip(row.Cells, (name, cell) => Bars(names,
                Enumerable.Range(0, count).Select(s => cell.Scenes.ElementAtOrDefault(s) ?? double.NaN), name))])
            .WithTitle(TableText.FullName(row)).WithXAxis("", AxisScale.Names)
            .WithYAxis(row.Unit.Length > 0 ? row.Unit : row.Name);
    }
}
