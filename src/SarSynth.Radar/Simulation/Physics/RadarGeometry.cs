// From the ground to the radar's geometry, one azimuth line at a time: what is lit, where in range it falls, how strong
// it is. A plane wave at a constant incidence angle: slant range R = x sin(theta) - h cos(theta),
// drawn at x' = R / sin(theta).
using System.Numerics.Tensors;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>
/// Projects a scene for one sensor. Column x' of the result is slant range over
/// sin(incidence): flat ground stays in place.
/// </summary>
internal sealed class RadarGeometry
{
    private const int AngleSteps = 360;
    private const double StepHeight = 0.5;
    private const double BodyLength = 2.5;

    private static readonly ulong FacadeStream = SeededRandom.StreamCode("facade");

    private readonly Scene scene;
    private readonly ParallelOptions workers;
    private readonly GroundDetail detail;
    private readonly int left, right;
    private readonly float cot, sin, cos, tan, inverseSpacing;
    private readonly float[][] sigma = new float[256][];
    private readonly float[] wallSigma;
    private readonly float[] canopyTransmission = new float[256];
    private readonly float[] groundReflectivity = new float[256];
    private readonly float wallReflectivity;
    private readonly float[]?[] textureTables = new float[256][];
    private readonly float[]?[] textureFields = new float[256][];

    public RadarGeometry(Scene scene, Sensor sensor, GroundDetail detail, ParallelOptions workers)
    {
        this.workers = workers;
        this.scene = scene;
        this.detail = detail;
        double theta = sensor.IncidenceAngle * Math.PI / 180;
        (sin, cos, tan, cot) = ((float)Math.Sin(theta), (float)Math.Cos(theta), (float)Math.Tan(theta),
            (float)(1 / Math.Tan(theta)));
        inverseSpacing = (float)(1 / scene.Spacing);
        // Raised ground is displaced out at near range and leaves a gap at far range,
        // sunken ground the other way round.
        left = Math.Min(scene.Columns - 1,
            (int)Math.Ceiling(Math.Max(0, -TensorPrimitives.Min<float>(scene.Heights)) * cot * inverseSpacing) + 2);
        right = Math.Min(scene.Columns - 1,
            (int)Math.Ceiling(Math.Max(0, TensorPrimitives.Max<float>(scene.Heights)) * cot * inverseSpacing) + 2);
        bool vertical = sensor.Polarisation == "VV";
        wallReflectivity = (float)Surface.Wall.Reflectivity(Math.PI / 2 - theta, !vertical);
        wallSigma = Tabulate(Surface.Wall, sensor, detail.LevelOf(GroundDetail.Wall));
        var fields = new Dictionary<double, float[]>();
        foreach (byte code in Present(scene.Classes))
        {
            if (!scene.Surfaces.TryGetValue((LandCover)code, out var surface))
                throw new ArgumentException($"surfaces: found none for class {(LandCover)code}, which the scene has.");
            sigma[code] = Tabulate(surface, sensor, detail.LevelOf(code));
            canopyTransmission[code] = detail.Canopy && surface.OpticalDepth > 0
                ? (float)surface.TwoWayTransmission(theta, sensor.FrequencyGHz) : 0;
            groundReflectivity[code] = (float)surface.Reflectivity(theta, vertical);
            if (!detail.Texture || surface.Texture.Law == TextureLaw.None)
                continue;
            if (!fields.TryGetValue(surface.Texture.CorrelationLength, out var field))
                fields[surface.Texture.CorrelationLength] = field =
                    TextureField.Gaussian(scene, surface.Texture.CorrelationLength, workers);
            textureFields[code] = field;
            textureTables[code] = TextureField.Table(surface.Texture);
        }
    }

    /// <summary>
    /// Reflectivity (sigma nought, linear, per unit of flat ground) and its truth, all row-major on the scene's grid.
    /// </summary>
    public RadarTruth Project()
    {
        int rows = scene.Rows, columns = scene.Columns;
        var truth = new RadarTruth(rows, columns, scene.Spacing);
        int[][] targetsOfRow = GroupTargets(rows);
        truth.LitTargets = new bool[scene.Targets.Count];
        Parallel.For(0, rows, workers, () => new RadarLine(left + columns + right), (row, _, line) =>
        {
            Load(line, row);
            line.Clear();
            Trace(line, row, columns);
            foreach (int index in targetsOfRow[row])
                truth.LitTargets[index] = IsLit(line, scene.Targets[index]);
            Store(line, truth, row, columns);
            return line;
        }, _ => { });
        return truth;
    }

    /// <summary>Where a target falls: its column x' on the scene's grid.</summary>
    public double ProjectedColumn(Target target) => target.Column - target.Height * inverseSpacing * cot;

    // Heights in cells; beyond its borders the scene is mirrored.
    private void Load(RadarLine line, int row)
    {
        int columns = scene.Columns;
        var heights = scene.Heights;
        int above = Math.Max(row - 1, 0) * columns, below = Math.Min(row + 1, scene.Rows - 1) * columns,
            here = row * columns;
        float slopeScale = inverseSpacing / Math.Max(1, (below - above) / columns);
        line.SourceRow = row;
        for (int i = 0; i < line.Height.Length; i++)
        {
            int j = Column(i);
            byte code = scene.Classes[here + j];
            line.Height[i] = heights[here + j] * inverseSpacing;
            line.SlopeAcross[i] = Math.Clamp((heights[below + j] - heights[above + j]) * slopeScale, -1.5f, 1.5f);
            line.Class[i] = code;
            float gain = 1, offset = detail.Parcels ? scene.Offsets[here + j] : 0;
            if (offset != 0)
                gain = MathF.Exp(offset * 0.2302585f);
            if (textureTables[code] is { } table)
                gain *= TextureField.Lookup(table, textureFields[code]![here + j]);
            line.Gain[i] = gain;
        }
    }

    // Column of the scene for an index of a line.
    private int Column(int i)
    {
        int j = i - left;
        return j < 0 ? -1 - j : j < scene.Columns ? j : 2 * scene.Columns - 1 - j;
    }

    private void Trace(RadarLine line, int row, int columns)
    {
        // A point is lit where u = h + x cot(theta) exceeds that of all nearer points; canopies shade only in part.
        float horizon = float.MinValue, opaque = float.MinValue;
        float litSince = 0;
        int last = line.Height.Length - 1;
        float step = (float)StepHeight * inverseSpacing;
        for (int i = 0; i < last; i++)
        {
            line.Horizon[i] = opaque;
            float h0 = line.Height[i], h1 = line.Height[i + 1], rise = h1 - h0;
            byte c0 = line.Class[i], c1 = line.Class[i + 1];
            bool isStep = MathF.Abs(rise) > step && (c0 != c1 || IsHard(c1));
            if (!isStep)
            {
                float middle = (h0 + h1) / 2;
                Slope(line, i, i, h0, i + 0.5f, middle, rise, ref horizon, ref opaque);
                Slope(line, i + 1, i + 0.5f, middle, i + 1, h1, rise, ref horizon, ref opaque);
                if (horizon > h1 + (i + 1) * cot + 1e-3f)
                    litSince = i + 1;
                continue;
            }
            Slope(line, i, i, h0, i + 0.5f, h0, 0, ref horizon, ref opaque);
            if (rise > 0)
            {
                Face(line, i, h0, h1, litSince, ref horizon, ref opaque);
            }
            litSince = i + 1;
            Slope(line, i + 1, i + 0.5f, h1, i + 1, h1, 0, ref horizon, ref opaque);
        }
        line.Horizon[last] = opaque;
    }

    // A piece of ground, canopy or roof from (x0, h0) to (x1, h1) with range slope "rise" per cell.
    private void Slope(RadarLine line, int cell, float x0, float h0, float x1, float h1, float rise, ref float horizon,
        ref float opaque)
    {
        byte code = line.Class[cell];
        float u0 = h0 + x0 * cot, u1 = h1 + x1 * cot;
        if (u1 > u0)
        {
            float across = line.SlopeAcross[cell];
            if (IsHard(code) && MathF.Abs(across) > 1.2f)
                across = 0;
            float area = MathF.Sqrt(1 + rise * rise + across * across);
            float cosine = (rise * sin + cos) / area;
            if (cosine > 0)
            {
                float power = Lookup(sigma[code], cosine) * area * (x1 - x0) * line.Gain[cell];
                Deposit(line, code, x0, h0, x1, h1, u0, u1, power, horizon, opaque);
            }
        }
        Raise(code, Math.Max(u0, u1), ref horizon, ref opaque);
    }

    // A vertical face between columns i and i + 1, and the corner that it makes with the ground before it.
    private void Face(RadarLine line, int i, float h0, float h1, float litSince, ref float horizon, ref float opaque)
    {
        float shade = horizon, shadeOpaque = opaque;
        float x = i + 0.5f;
        byte code = line.Class[i + 1];
        float u0 = h0 + x * cot, u1 = h1 + x * cot;
        if (!IsHard(code))
        {
            float cosine = sin;
            float power = Lookup(sigma[code], cosine) * (h1 - h0) * line.Gain[i + 1];
            Deposit(line, code, x, h0, x, h1, u0, u1, power, shade, shadeOpaque);
            Raise(code, u1, ref horizon, ref opaque);
            return;
        }
        float aspect = Aspect(line.SourceRow, i);
        float cosAspect = Math.Max(MathF.Cos(aspect), 0.05f);
        bool metal = code == (byte)LandCover.Metal;
        float facing = Lookup(metal ? sigma[code] : wallSigma, sin * cosAspect) / cosAspect;
        if (detail.Facades && !metal)
            Facade(line, code, i, x, h0, h1, facing, shade, shadeOpaque);
        else
            Deposit(line, code, x, h0, x, h1, u0, u1, facing * (h1 - h0), shade, shadeOpaque);
        if (u0 >= shade - 1e-3f)
        {
            // Only as much wall counts as the lit strip of ground before it can reach by one reflection.
            float height = Math.Min(h1 - h0, Math.Max(x - litSince, 0) * cot);
            float reflectivity = (metal ? 1 : wallReflectivity) * groundReflectivity[line.Class[i]];
            float corner = height * DoubleBounce(aspect) * reflectivity * line.Gain[i + 1];
            line.Spread(code, x - h0 * cot - 0.25f, x - h0 * cot + 0.25f, corner, h0);
        }
        Raise(code, u1, ref horizon, ref opaque);
    }

    // The shape of Franceschetti, Iodice and Riccio (2002), ground taken by geometric optics: height tan(theta) times
    // the density of ground slopes that turn the wall's aspect back to the sensor. The rms slope is ours.
    private float DoubleBounce(float aspect)
    {
        const float slopeVariance = 2 * 0.12f * 0.12f;
        float across = tan * MathF.Sin(aspect);
        return tan * MathF.Max(MathF.Cos(aspect), 0) * (1 + across * across) / (slopeVariance * cos * cos)
            * MathF.Exp(-across * across / slopeVariance) * 0.25f;
    }

    // Storeys of windows: each window's sill and frame make a small corner, the wall between is dim. The pitch belongs
    // to the building, which its height tells from its neighbours; each window has a brightness of its own.
    private void Facade(RadarLine line, byte code, int i, float x, float h0, float h1, float facing, float shade,
        float shadeOpaque)
    {
        var house = new SeededRandom(scene.Seed, FacadeStream, (long)Math.Round(h1 * scene.Spacing * 8));
        float storey = (float)(house.Uniform(2.7, 3.6) * inverseSpacing), bay = (float)house.Uniform(2.2, 4.2),
            open = (float)house.Uniform(0.3, 0.55);
        float window = (float)house.Uniform(3, 14);
        float along = (float)((scene.OriginRow + line.SourceRow) * scene.Spacing);
        int number = (int)MathF.Floor(along / bay);
        bool atWindow = along / bay - number < open;
        int level = 0;
        for (float low = h0; low < h1; low += storey, level++)
        {
            float sill = Math.Min(low + 0.3f * storey, h1), lintel = Math.Min(low + 0.6f * storey, h1),
                high = Math.Min(low + storey, h1);
            Piece(low, sill, 0.4f);
            float gain = 0.4f;
            if (atWindow)
            {
                var pane = new SeededRandom(scene.Seed, FacadeStream + 1,
                    ((long)number << 24) ^ ((long)level << 16) ^ (long)Math.Round(h1));
                double e = -Math.Log(1 - pane.Uniform());
                gain = (float)(window * e * e / 2);
            }
            Piece(sill, lintel, gain);
            Piece(lintel, high, 0.4f);
        }

        void Piece(float low, float high, float gain)
        {
            if (high > low)
                Deposit(line, code, x, low, x, high, low + x * cot, high + x * cot, facing * (high - low) * gain, shade,
                    shadeOpaque);
        }
    }

    private float Aspect(int row, int i)
    {
        float gx = 0, gy = 0;
        for (int dr = -4; dr <= 4; dr++)
        {
            int r = Math.Clamp(row + dr, 0, scene.Rows - 1);
            for (int dc = -3; dc <= 4; dc++)
            {
                int c = Column(Math.Clamp(i + dc, 0, left + scene.Columns + right - 1));
                if (!IsHard(scene.Classes[r * scene.Columns + c]))
                    continue;
                gx += dc - 0.5f;
                gy += dr;
            }
        }
        return gx > 0 ? MathF.Atan2(gy, gx) : MathF.PI / 2;
    }

    private void Deposit(RadarLine line, byte code, float x0, float h0, float x1, float h1, float u0, float u1,
        float power, float horizon, float opaque)
    {
        float lit = Math.Clamp((horizon - u0) / (u1 - u0), 0, 1),
            through = Math.Min(Math.Clamp((opaque - u0) / (u1 - u0), 0, 1), lit);
        float a = x0 - h0 * cot, b = x1 - h1 * cot;
        if (lit < 1)
        {
            float start = a + lit * (b - a);
            line.Spread(code, start, b, power * (1 - lit), h1);
            line.AddCover(start, b);
        }
        if (lit > through && canopyTransmission[(byte)LandCover.Tree] > 0)
            line.Spread(code, a + through * (b - a), a + lit * (b - a),
                power * (lit - through) * canopyTransmission[(byte)LandCover.Tree], h0);
    }

    private void Raise(byte code, float u, ref float horizon, ref float opaque)
    {
        horizon = Math.Max(horizon, u);
        if (code != (byte)LandCover.Tree || !detail.Canopy)
            opaque = Math.Max(opaque, u);
    }

    // What stands within a body's length before a target is taken for the body that carries it.
    private bool IsLit(RadarLine line, Target target)
    {
        int column = Math.Clamp((int)Math.Floor(target.Column - BodyLength * inverseSpacing) + left, 0,
            line.Horizon.Length - 1);
        return target.Height * inverseSpacing + (target.Column + left) * cot >= line.Horizon[column];
    }

    private void Store(RadarLine line, RadarTruth truth, int row, int columns)
    {
        int start = row * columns;
        line.Power.AsSpan(left, columns).CopyTo(truth.Reflectivity.AsSpan(start));
        for (int j = 0; j < columns; j++)
        {
            bool seen = line.Strongest[left + j] > 0;
            float cover = line.Cover[left + j];
            truth.Classes[start + j] = seen ? line.TopClass[left + j] : RadarTruth.NoClass;
            truth.Heights[start + j] = seen ? line.TopHeight[left + j] * (float)truth.Spacing : float.NaN;
            truth.Shadow[start + j] = (byte)(cover < 0.5f ? 1 : 0);
            truth.Layover[start + j] = (byte)(cover > 1.25f ? 1 : 0);
        }
    }

    private int[][] GroupTargets(int rows)
    {
        var groups = new List<int>[rows];
        for (int i = 0; i < scene.Targets.Count; i++)
            (groups[Math.Clamp((int)Math.Round(scene.Targets[i].Row), 0, rows - 1)] ??= []).Add(i);
        return Array.ConvertAll(groups, group => group?.ToArray() ?? []);
    }

    private static float[] Tabulate(Surface surface, Sensor sensor, double level)
    {
        var table = new float[AngleSteps + 2];
        for (int i = 0; i < table.Length; i++)
            table[i] = (float)(level * surface.SigmaNought(Math.Acos(Math.Min(1, i / (double)AngleSteps)),
                sensor.FrequencyGHz, sensor.Polarisation));
        return table;
    }

    private static float Lookup(float[] table, float cosine)
    {
        float position = Math.Clamp(cosine, 0, 1) * AngleSteps;
        int index = (int)position;
        return table[index] + (position - index) * (table[index + 1] - table[index]);
    }

    private static bool IsHard(byte code) =>
        code is (byte)LandCover.Roof or (byte)LandCover.Metal or (byte)LandCover.Concrete;

    private static byte[] Present(byte[] classes)
    {
        var seen = new bool[256];
        foreach (byte code in classes)
            seen[code] = true;
        return [.. Enumerable.Range(0, 256).Where(code => seen[code]).Select(code => (byte)code)];
    }
}
