// Which point targets of one image are found in another of the same ground.
namespace SarSynth.Radar.Statistics;

/// <summary>Pairs the point targets of two images.</summary>
public static class TargetMatching
{
    /// <summary>Pairs targets one to one, nearest pairs first.</summary>
    /// <param name="truth">Targets of the true image.</param>
    /// <param name="found">Targets of the other.</param>
    /// <param name="distance">The largest distance of a pair, pixels.</param>
    /// <returns>Number of pairs: recall is that over the true ones, precision over those found.</returns>
    public static int Count(IReadOnlyList<PointTarget> truth, IReadOnlyList<PointTarget> found, double distance = 3)
    {
        var pairs = new List<(double Distance, int True, int Found)>();
        for (int i = 0; i < truth.Count; i++)
        {
            for (int j = 0; j < found.Count; j++)
            {
                double apart = double.Hypot(truth[i].Row - found[j].Row, truth[i].Column - found[j].Column);
                if (apart <= distance)
                    pairs.Add((apart, i, j));
            }
        }
        bool[] taken = new bool[truth.Count], used = new bool[found.Count];
        int count = 0;
        foreach (var (_, i, j) in pairs.OrderBy(p => p.Distance).ThenBy(p => p.True).ThenBy(p => p.Found))
        {
            if (taken[i] || used[j])
                continue;
            taken[i] = used[j] = true;
            count++;
        }
        return count;
    }
}
