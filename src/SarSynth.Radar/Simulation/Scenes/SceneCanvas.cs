// The maps of a scene while it is drawn: boxes, paths, trees, buildings, vehicles. Positions
// are metres, x along columns.
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>A canvas of class, height and brightness with the primitives that all kinds of scene share.</summary>
internal sealed class SceneCanvas
{
    private readonly int rows, columns;
    private readonly double spacing;
    private readonly float[] ground;

    public SceneCanvas(ulong seed, SceneOptions options)
    {
        (rows, columns, spacing, Seed) = (options.Rows, options.Columns, options.Spacing, seed);
        int count = rows * columns;
        (Classes, Objects, Offsets, ground) = (new byte[count], new float[count], new float[count], new float[count]);
        Random = new SeededRandom(seed, "layout");
        if (options.Relief > 0)
        {
            double scale = Math.Max(120, Math.Max(Width, Tall) / 2.5);
            Parallel.For(0, rows, r =>
            {
                for (int c = 0; c < columns; c++)
                    ground[r * columns + c] = (float)(options.Relief * 0.5 * Noise(c * spacing, r * spacing, scale, 1));
            });
        }
    }

    public ulong Seed { get; }
    public byte[] Classes { get; }
    public float[] Objects { get; }
    public float[] Offsets { get; }
    public SeededRandom Random;
    public List<Target> Targets { get; } = [];
    public List<SceneObject> Named { get; } = [];

    /// <summary>Extent along columns, metres.</summary>
    public double Width => columns * spacing;

    /// <summary>Extent along rows, metres.</summary>
    public double Tall => rows * spacing;

    public double Spacing => spacing;
    public int Rows => rows;
    public int Columns => columns;

    /// <summary>Ground plus what stands on it, metres.</summary>
    public float[] Heights()
    {
        var heights = new float[ground.Length];
        System.Numerics.Tensors.TensorPrimitives.Add(ground, Objects, heights);
        return heights;
    }

    /// <summary>Smooth random field in about [-1, 1] with features of the given size.</summary>
    public double Noise(double x, double y, double size, int salt)
    {
        double sum = 0, weight = 1, total = 0;
        for (int octave = 0; octave < 3; octave++)
        {
            sum += weight * ValueNoise(x / size, y / size, salt * 8 + octave);
            total += weight;
            weight *= 0.5;
            size *= 0.5;
        }
        return sum / total;
    }

    public bool Inside(double x, double y) => x >= 0 && y >= 0 && x < Width && y < Tall;

    /// <summary>Index of the cell at a position; it must be inside.</summary>
    public int At(double x, double y) => Math.Min((int)(y / spacing), rows - 1) * columns
        + Math.Min((int)(x / spacing), columns - 1);

    public LandCover ClassAt(double x, double y) => (LandCover)Classes[At(x, y)];

    public float GroundAt(double x, double y) =>
        ground[At(Math.Clamp(x, 0, Width - 1e-6), Math.Clamp(y, 0, Tall - 1e-6))];

    /// <summary>Visits all cells of the canvas.</summary>
    public void ForAll(Action<int, double, double> visit) => Parallel.For(0, rows, r =>
    {
        for (int c = 0; c < columns; c++)
            visit(r * columns + c, (c + 0.5) * spacing, (r + 0.5) * spacing);
    });

    /// <summary>Visits the cells of an oriented box with their coordinates along (u) and across (v) it.</summary>
    public void ForBox(double x, double y, double halfU, double halfV, double angle, Action<int, double, double> visit)
    {
        (double sin, double cos) = Math.SinCos(angle);
        double ex = Math.Abs(halfU * cos) + Math.Abs(halfV * sin), ey = Math.Abs(halfU * sin) + Math.Abs(halfV * cos);
        int r0 = Math.Max(0, (int)Math.Floor((y - ey) / spacing)),
            r1 = Math.Min(rows - 1, (int)Math.Ceiling((y + ey) / spacing));
        int c0 = Math.Max(0, (int)Math.Floor((x - ex) / spacing)),
            c1 = Math.Min(columns - 1, (int)Math.Ceiling((x + ex) / spacing));
        for (int r = r0; r <= r1; r++)
        {
            double dy = (r + 0.5) * spacing - y;
            for (int c = c0; c <= c1; c++)
            {
                double dx = (c + 0.5) * spacing - x, u = dx * cos + dy * sin, v = dy * cos - dx * sin;
                if (Math.Abs(u) <= halfU && Math.Abs(v) <= halfV)
                    visit(r * columns + c, u, v);
            }
        }
    }

    /// <summary>Covers flat ground: class, brightness, nothing on it.</summary>
    public void Lay(int index, LandCover cover, double offset = 0)
    {
        Classes[index] = (byte)cover;
        Offsets[index] = (float)offset;
        Objects[index] = 0;
    }

    /// <summary>Covers an oriented box of ground.</summary>
    public void LayBox(double x, double y, double halfU, double halfV, double angle, LandCover cover,
        double offset = 0) =>
        ForBox(x, y, halfU, halfV, angle, (i, _, _) => Lay(i, cover, offset));

    /// <summary>
    /// Visits cells within half a width of a path; v is the signed distance across, s the way along it.
    /// </summary>
    public void ForPath(IReadOnlyList<(double X, double Y)> path, double halfWidth, Action<int, double, double> visit)
    {
        double along = 0;
        for (int k = 0; k + 1 < path.Count; k++)
        {
            var (x0, y0) = path[k];
            var (x1, y1) = path[k + 1];
            double length = Math.Sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0));
            double start = along;
            // Half a width more at both ends closes the wedge at a bend.
            ForBox((x0 + x1) / 2, (y0 + y1) / 2, length / 2 + halfWidth * 0.3, halfWidth, Math.Atan2(y1 - y0, x1 - x0),
                (i, u, v) => visit(i, start + u + length / 2, v));
            along += length;
        }
    }

    /// <summary>A smooth path that crosses the canvas through a point in a direction.</summary>
    public List<(double X, double Y)> Crossing(double x, double y, double angle, double bend)
    {
        double reach = Width + Tall, step = 6;
        var path = new List<(double, double)>();
        double phase1 = Random.Uniform(0, 7), phase2 = Random.Uniform(0, 7), wave = Random.Uniform(150, 300);
        (double sin, double cos) = Math.SinCos(angle);
        double Sway(double s) =>
            bend * (Math.Sin(s / wave * 2 * Math.PI + phase1) + 0.35 * Math.Sin(s / wave * 5.1 + phase2));
        double zero = Sway(0);
        for (double s = -reach; s <= reach; s += step)
        {
            double sway = Sway(s) - zero, px = x + s * cos - sway * sin, py = y + s * sin + sway * cos;
            if (px > -60 && py > -60 && px < Width + 60 && py < Tall + 60)
                path.Add((px, py));
        }
        return path;
    }

    /// <summary>Places along a path at a distance to its side; stops outside are left out.</summary>
    public IEnumerable<(double X, double Y, double Angle)> Along(IReadOnlyList<(double X, double Y)> path, double every,
        double side)
    {
        double next = every / 2, along = 0;
        for (int k = 0; k + 1 < path.Count; k++)
        {
            var (x0, y0) = path[k];
            var (x1, y1) = path[k + 1];
            double length = Math.Sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0)),
                angle = Math.Atan2(y1 - y0, x1 - x0);
            for (; next < along + length; next += every)
            {
                double t = (next - along) / length, x = x0 + t * (x1 - x0) - side * Math.Sin(angle),
                    y = y0 + t * (y1 - y0) + side * Math.Cos(angle);
                if (Inside(x, y))
                    yield return (x, y, angle);
            }
            along += length;
        }
    }

    /// <summary>A point scatterer at a height above the ground.</summary>
    public void AddTarget(TargetKind kind, double x, double y, double above, double crossSection)
    {
        if (Inside(x, y))
            Targets.Add(new Target(kind, y / spacing - 0.5, x / spacing - 0.5, GroundAt(x, y) + above, crossSection));
    }

    /// <summary>Names a thing for captions.</summary>
    public void Name(string name, double x, double y)
    {
        if (Inside(x, y))
            Named.Add(new SceneObject(name, y / spacing - 0.5, x / spacing - 0.5));
    }

    /// <summary>A tree crown: an uneven dome.</summary>
    public void Tree(double x, double y, double radius, double height)
    {
        double crown = Math.Min(height * 0.65, radius * 1.9), lean = Random.Uniform(0, 7),
            rough = Random.Uniform(0.05, 0.16);
        ulong leaves = Random.NextBits();
        ForBox(x, y, radius * 1.15, radius * 1.15, 0, (i, u, v) =>
        {
            double angle = Math.Atan2(v, u),
                edge = radius * (1 + rough * Math.Sin(3 * angle + lean) + rough * Math.Sin(5 * angle - lean));
            double d = Math.Sqrt(u * u + v * v) / edge;
            if (d >= 1 || IsBuilt((LandCover)Classes[i]))
                return;
            ulong hash = (leaves ^ (ulong)i) * 0x9E3779B97F4A7C15;
            double top = height - crown * (1 - Math.Sqrt(1 - d * d))
                - 0.09 * height * ((hash >> 40) / (double)(1 << 24));
            if (top <= Objects[i] && Classes[i] == (byte)LandCover.Tree)
                return;
            Classes[i] = (byte)LandCover.Tree;
            Objects[i] = (float)top;
            Offsets[i] = 0;
        });
    }

    /// <summary>Fills where a mask says so with crowns on a jittered grid.</summary>
    public void Forest(Func<double, double, bool> where, double radius, double height)
    {
        double pitch = radius * 1.55;
        for (double gy = -radius; gy < Tall + radius; gy += pitch)
        {
            for (double gx = -radius; gx < Width + radius; gx += pitch)
            {
                double x = gx + Random.Uniform(-0.45, 0.45) * pitch, y = gy + Random.Uniform(-0.45, 0.45) * pitch;
                double stand = Noise(x, y, 70, 4), size = Random.Uniform(0.62, 1.2) * (1 + 0.3 * stand),
                    tall = Random.Uniform(0.7, 1.1) * (1 + 0.3 * stand);
                if (Random.Chance(0.93) && where(x, y))
                    Tree(x, y, radius * size, height * tall);
            }
        }
    }

    /// <summary>A building on an oriented rectangle; its base is the lowest ground under its centre.</summary>
    public void Building(double x, double y, double halfU, double halfV, double angle, double eaves, RoofShape roof,
        double pitch = 0.7)
    {
        float floor = GroundAt(x, y);
        double bias = Random.Normal() * 2, ridgePeriod = Random.Uniform(6, 10);
        ForBox(x, y, halfU, halfV, angle, (i, u, v) =>
        {
            double rise = roof switch
            {
                RoofShape.Gable => (halfV - Math.Abs(v)) * pitch,
                RoofShape.Hip => Math.Min(halfV - Math.Abs(v), halfU - Math.Abs(u)) * pitch,
                RoofShape.Saw => (((u + halfU) % ridgePeriod) / ridgePeriod) * 2.2,
                RoofShape.Round => Math.Sqrt(Math.Max(0, 1 - v * v / (halfV * halfV))) * halfV * 0.45,
                _ => Math.Min(halfV - Math.Abs(v), halfU - Math.Abs(u)) < 0.45 ? 0.9 : 0,
            };
            Classes[i] = (byte)LandCover.Roof;
            Objects[i] = (float)(floor + eaves + rise) - ground[i];
            Offsets[i] = (float)bias;
        });
        if (roof == RoofShape.Flat)
        {
            for (int k = 0; k < 0.008 * halfU * halfV * 4; k++)
            {
                double u = Random.Uniform(-0.85, 0.85) * halfU, v = Random.Uniform(-0.85, 0.85) * halfV;
                (double sin, double cos) = Math.SinCos(angle);
                AddTarget(TargetKind.Building, x + u * cos - v * sin, y + u * sin + v * cos, eaves + 1,
                    Math.Exp(Random.Normal() * 1.3 + 0.7));
            }
        }
        Name("building", x, y);
    }

    /// <summary>A metal box: a vehicle, a container, a wagon.</summary>
    public void MetalBox(double x, double y, double halfU, double halfV, double angle, double height,
        double offset = 0) =>
        ForBox(x, y, halfU, halfV, angle, (i, _, _) =>
        {
            Classes[i] = (byte)LandCover.Metal;
            Objects[i] = (float)height;
            Offsets[i] = (float)offset;
        });

    /// <summary>A car or van with a few corners on it.</summary>
    public void Vehicle(double x, double y, double angle)
    {
        bool van = Random.Chance(0.15);
        MetalBox(x, y, van ? 3.2 : 2.2, van ? 1.1 : 0.9, angle, van ? 2.4 : 1.4, -3);
        int corners = Random.Integer(1, 4);
        for (int k = 0; k < corners; k++)
            AddTarget(TargetKind.Vehicle, x + Random.Uniform(-1.8, 1.8) * Math.Cos(angle),
                y + Random.Uniform(-1.8, 1.8) * Math.Sin(angle), Random.Uniform(0.3, 1.3),
                Math.Exp(Random.Normal() * 1.2 + 0.5));
        Name("vehicle", x, y);
    }

    /// <summary>A fence: posts with corners and a line of low brush.</summary>
    public void Fence(IReadOnlyList<(double X, double Y)> path, double every = 3)
    {
        foreach (var (x, y, _) in Along(path, every, 0))
        {
            if (Random.Chance(0.8))
                AddTarget(TargetKind.Fence, x, y, 1, Math.Exp(Random.Normal() * 0.9 - 2.2));
        }
        if (path.Count > 1)
            Name("fence", (path[0].X + path[^1].X) / 2, (path[0].Y + path[^1].Y) / 2);
    }

    public static bool IsBuilt(LandCover cover) =>
        cover is LandCover.Roof or LandCover.Metal or LandCover.Asphalt or LandCover.Concrete or LandCover.Water
            or LandCover.Rail;

    private double ValueNoise(double x, double y, int salt)
    {
        double fx = Math.Floor(x), fy = Math.Floor(y), tx = x - fx, ty = y - fy;
        tx = tx * tx * (3 - 2 * tx);
        ty = ty * ty * (3 - 2 * ty);
        double Corner(double ix, double iy)
        {
            ulong h = Seed ^ ((ulong)(long)ix * 0x9E3779B97F4A7C15) ^ ((ulong)(long)iy * 0xC2B2AE3D27D4EB4F)
                ^ ((ulong)salt * 0x165667B19E3779F9);
            h = (h ^ (h >> 31)) * 0xBF58476D1CE4E5B9;
            h = (h ^ (h >> 29)) * 0x94D049BB133111EB;
            return (h >> 11) * (2.0 / (1UL << 53)) - 1;
        }
        double top = Corner(fx, fy) * (1 - tx) + Corner(fx + 1, fy) * tx,
            bottom = Corner(fx, fy + 1) * (1 - tx) + Corner(fx + 1, fy + 1) * tx;
        return 1.6 * (top * (1 - ty) + bottom * ty);
    }
}

/// <summary>Shapes of roofs.</summary>
internal enum RoofShape
{
    /// <summary>Flat, with a parapet.</summary>
    Flat,

    /// <summary>Two slopes.</summary>
    Gable,

    /// <summary>Four slopes.</summary>
    Hip,

    /// <summary>Saw-tooth.</summary>
    Saw,

    /// <summary>A barrel.</summary>
    Round,
}
