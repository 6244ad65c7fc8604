// Fields with rows and tramlines, hedges, streams, country roads, farms, forests, lakes.
namespace SarSynth.Radar.Simulation;

/// <summary>The layers of open country.</summary>
internal static class RuralLayers
{
    /// <summary>Fields, a wood, perhaps a stream, a road and a farm.</summary>
    public static void Farmland(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        Fields(canvas, random.Uniform(0, Math.PI));
        if (random.Chance(0.5))
            Copse(canvas, random.Uniform(0.35, 0.6));
        if (random.Chance(0.35))
            Stream(canvas, random.Uniform(4, 14));
        Road(canvas, random.Uniform(0.2, 0.8) * canvas.Width, random.Uniform(0.2, 0.8) * canvas.Tall,
            random.Uniform(0, Math.PI), random.Uniform(2.6, 4), random.Uniform(4, 25));
        if (random.Chance(0.7))
            Farm(canvas);
        if (random.Chance(0.3))
            Pylons(canvas);
    }

    /// <summary>Forest with clearings, tracks and perhaps a lake.</summary>
    public static void Woodland(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        if (random.Chance(0.5))
            Meadow(canvas);
        else
            Fields(canvas, random.Uniform(0, Math.PI));
        double threshold = random.Uniform(-0.45, 0.0);
        bool lake = random.Chance(0.4);
        if (lake)
            Lake(canvas, random.Uniform(0.25, 0.5));
        if (random.Chance(0.6))
            Road(canvas, random.Uniform(0.2, 0.8) * canvas.Width, random.Uniform(0.2, 0.8) * canvas.Tall,
                random.Uniform(0, Math.PI), 2.4, 30);
        var track = canvas.Crossing(random.Uniform(0.2, 0.8) * canvas.Width, random.Uniform(0.2, 0.8) * canvas.Tall,
            random.Uniform(0, Math.PI), 20);
        canvas.ForPath(track, 2, (i, _, v) => canvas.Lay(i, LandCover.Gravel, Math.Abs(v) < 0.5 ? -1 : -3));
        double size = random.Uniform(2.2, 4.2), height = size * random.Uniform(3.5, 5.5);
        double noiseSize = Math.Clamp(canvas.Width / 3, 40, 160);
        canvas.Forest((x, y) => canvas.Noise(x, y, noiseSize, 5) > threshold && IsOpen(canvas, x, y), size, height);
        if (random.Chance(0.35))
            Farm(canvas);
    }

    /// <summary>
    /// Grass with soft differences, the swaths of a mower, worn and wet patches, clumps of taller growth.
    /// </summary>
    public static void Meadow(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        double swath = random.Uniform(4, 9), depth = random.Uniform(0, 0.9), clumps = random.Uniform(0.42, 0.75),
            wet = random.Uniform(0.3, 0.6);
        (double sin, double cos) = Math.SinCos(random.Uniform(0, Math.PI));
        canvas.ForAll((i, x, y) =>
        {
            double across = x * cos + y * sin, soft = canvas.Noise(x, y, 45, 7), fine = canvas.Noise(x, y, 7, 8);
            double offset = 1.4 * soft + 0.9 * fine + (Math.Sin(2 * Math.PI * across / swath) > 0 ? depth : -depth);
            offset -= 2.2 * Math.Clamp((canvas.Noise(x, y, 60, 14) - wet) / 0.25, 0, 1);
            canvas.Lay(i, LandCover.Grass, offset);
            if (canvas.Noise(x, y, 16, 15) > clumps && fine > 0)
            {
                canvas.Lay(i, LandCover.Shrub, fine);
                canvas.Objects[i] = (float)(0.5 + 0.8 * fine);
            }
        });
    }

    /// <summary>A country divided into parcels along one direction.</summary>
    public static void Fields(SceneCanvas canvas, double angle)
    {
        canvas.ForAll((i, x, y) => canvas.Lay(i, LandCover.Grass, 0.8 * canvas.Noise(x, y, 9, 8)));
        double half = (canvas.Width + canvas.Tall) * 0.6, smallest =
            Math.Clamp(Math.Min(canvas.Width, canvas.Tall) * 0.32, 25, 110);
        Split(canvas, angle, -half, half, -half, half, smallest, 0);
    }

    /// <summary>A strip of open water with banks.</summary>
    public static void Stream(SceneCanvas canvas, double halfWidth)
    {
        ref var random = ref canvas.Random;
        var path = canvas.Crossing(random.Uniform(0.25, 0.75) * canvas.Width, random.Uniform(0.25, 0.75) * canvas.Tall,
            random.Uniform(0, Math.PI), random.Uniform(15, 40));
        canvas.ForPath(path, halfWidth + 4, (i, s, v) => canvas.Lay(i, LandCover.Shrub, 0.8 * Math.Sin(s / 9)));
        canvas.ForPath(path, halfWidth, (i, s, v) =>
        {
            if (Math.Abs(v) < halfWidth - 0.8 * Math.Sin(s / 11 + 2 * Math.Sin(s / 37)))
                Water(canvas, i, -0.8, 0);
        });
        foreach (var (x, y, _) in canvas.Along(path, random.Uniform(6, 14), halfWidth + 4))
        {
            if (random.Chance(0.6))
                canvas.Tree(x + random.Uniform(-2, 2), y + random.Uniform(-2, 2), random.Uniform(2, 3.6),
                    random.Uniform(7, 14));
        }
        foreach (var (x, y, _) in canvas.Along(path, random.Uniform(8, 20), -halfWidth - 4))
        {
            if (random.Chance(0.5))
                canvas.Tree(x + random.Uniform(-2, 2), y + random.Uniform(-2, 2), random.Uniform(2, 3.2),
                    random.Uniform(6, 12));
        }
        canvas.Name(halfWidth > 8 ? "river" : "stream", canvas.Width / 2, canvas.Tall / 2);
    }

    /// <summary>A cell of water; waves lift it.</summary>
    public static void Water(SceneCanvas canvas, int index, double level, double wave, double offset = 0)
    {
        canvas.Lay(index, LandCover.Water, offset);
        canvas.Objects[index] = (float)(level + wave);
    }

    /// <summary>An asphalt road with verges, trees, poles and cars.</summary>
    public static List<(double X, double Y)> Road(SceneCanvas canvas, double x, double y, double angle,
        double halfWidth, double bend)
    {
        ref var random = ref canvas.Random;
        var path = canvas.Crossing(x, y, angle, bend);
        double verge = random.Uniform(1.5, 4);
        canvas.ForPath(path, halfWidth + verge, (i, s, v) => canvas.Lay(i, LandCover.Grass, 0.5));
        canvas.ForPath(path, halfWidth, (i, s, v) =>
            canvas.Lay(i, LandCover.Asphalt, Math.Abs(Math.Abs(v) - halfWidth * 0.5) < 0.5 ? -0.7 : 0));
        double every = random.Uniform(9, 18), planted = random.Chance(0.4) ? 0.85
            : 0.1, treeHeight = random.Uniform(7, 15);
        foreach (double side in new[] { halfWidth + verge + 1.5, -halfWidth - verge - 1.5 })
        {
            foreach (var (tx, ty, _) in canvas.Along(path, every, side))
            {
                if (random.Chance(planted) && IsOpen(canvas, tx, ty))
                    canvas.Tree(tx, ty, treeHeight * random.Uniform(0.2, 0.3), treeHeight * random.Uniform(0.8, 1.1));
            }
        }
        foreach (var (px, py, _) in canvas.Along(path, random.Uniform(35, 60), halfWidth + verge))
            canvas.AddTarget(TargetKind.Pole, px, py, 0.5, Math.Exp(random.Normal() * 0.6));
        foreach (var (cx, cy, direction) in canvas.Along(path, random.Uniform(40, 120), halfWidth / 2))
        {
            if (random.Chance(0.5))
                canvas.Vehicle(cx, cy, direction);
        }
        canvas.Name("road", Math.Clamp(x, 0, canvas.Width - 1), Math.Clamp(y, 0, canvas.Tall - 1));
        return path;
    }

    /// <summary>Houses, barns and trees around a yard.</summary>
    public static void Farm(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        double x = random.Uniform(0.2, 0.8) * canvas.Width, y = random.Uniform(0.2, 0.8) * canvas.Tall,
            angle = random.Uniform(0, Math.PI);
        (double sin, double cos) = Math.SinCos(angle);
        canvas.ForBox(x, y, 24, 18, angle, (i, u, v) =>
        {
            if ((LandCover)canvas.Classes[i] != LandCover.Water)
                canvas.Lay(i, LandCover.Gravel, -2);
        });
        (double U, double V, double HalfU, double HalfV)[] sites =
            [(-13, -10, 11, 5.5), (13, -9, 7, 4.5), (0, 12, 14, 7), (-20, 9, 5, 4)];
        int count = random.Integer(2, 5);
        for (int k = 0; k < count; k++)
        {
            var site = sites[k];
            double bx = x + site.U * cos - site.V * sin, by = y + site.U * sin + site.V * cos;
            canvas.Building(bx, by, site.HalfU * random.Uniform(0.8, 1.2), site.HalfV * random.Uniform(0.8, 1.1),
                angle + (random.Chance(0.2) ? Math.PI / 2 : 0),
                random.Uniform(3.5, 6), random.Chance(0.8) ? RoofShape.Gable
                    : RoofShape.Hip, random.Uniform(0.45, 0.9));
        }
        for (int k = 0; k < 7; k++)
        {
            double a = random.Uniform(0, 7), d = random.Uniform(24, 34);
            if (canvas.Inside(x + d * Math.Cos(a), y + d * Math.Sin(a))
                && IsOpen(canvas, x + d * Math.Cos(a), y + d * Math.Sin(a)))
                canvas.Tree(x + d * Math.Cos(a), y + d * Math.Sin(a), random.Uniform(2, 3.8), random.Uniform(6, 13));
        }
        if (random.Chance(0.7))
            canvas.Vehicle(x + 2, y, random.Uniform(0, 3));
        canvas.Name("farm", x, y);
    }

    /// <summary>Whether a tree may stand there.</summary>
    public static bool IsOpen(SceneCanvas canvas, double x, double y) =>
        !canvas.Inside(x, y)
            || (!SceneCanvas.IsBuilt(canvas.ClassAt(x, y)) && canvas.ClassAt(x, y) != LandCover.Gravel);

    private static void Split(SceneCanvas canvas, double angle, double u0, double u1, double v0, double v1,
        double smallest, int depth)
    {
        ref var random = ref canvas.Random;
        double lengthU = u1 - u0, lengthV = v1 - v0;
        bool final = Math.Max(lengthU, lengthV) < smallest * 1.9
            || (depth > 4 && Math.Max(lengthU, lengthV) < smallest * 3.2 && random.Chance(0.4));
        if (final)
        {
            Parcel(canvas, angle, u0, u1, v0, v1);
            return;
        }
        double cut = random.Uniform(0.36, 0.64);
        bool track = depth is > 1 and < 5 && random.Chance(0.35);
        double gap = track ? random.Uniform(1.6, 2.6) : random.Uniform(0.3, 1.4);
        bool alongU = lengthU > lengthV;
        double at = alongU ? u0 + cut * lengthU : v0 + cut * lengthV;
        var (a, b) = alongU ? (Place(canvas, angle, at, v0), Place(canvas, angle, at, v1))
            : (Place(canvas, angle, u0, at), Place(canvas, angle, u1, at));
        if (alongU)
        {
            Split(canvas, angle, u0, at - gap, v0, v1, smallest, depth + 1);
            Split(canvas, angle, at + gap, u1, v0, v1, smallest, depth + 1);
        }
        else
        {
            Split(canvas, angle, u0, u1, v0, at - gap, smallest, depth + 1);
            Split(canvas, angle, u0, u1, at + gap, v1, smallest, depth + 1);
        }
        Boundary(canvas, a, b, track);
    }

    private static (double X, double Y) Place(SceneCanvas canvas, double angle, double u, double v)
    {
        (double sin, double cos) = Math.SinCos(angle);
        return (canvas.Width / 2 + u * cos - v * sin, canvas.Tall / 2 + u * sin + v * cos);
    }

    private static void Parcel(SceneCanvas canvas, double angle, double u0, double u1, double v0, double v1)
    {
        ref var random = ref canvas.Random;
        var cover = random.Uniform() switch { < 0.42 => LandCover.Crop, < 0.70 => LandCover.BareSoil, < 0.93 =>
            LandCover.Grass, _ => LandCover.Shrub };
        double bias = random.Normal() * 2.1, depthOfRows = cover == LandCover.BareSoil ? random.Uniform(0.8, 3)
            : random.Uniform(0.2, 1.8);
        if (cover == LandCover.Grass)
            depthOfRows *= 0.4;
        double period = random.Uniform(1.7, 4.5), tramlines = random.Chance(0.6)
            && cover != LandCover.Grass ? random.Uniform(11, 24) : 0;
        bool along = random.Chance(0.75) == (u1 - u0 > v1 - v0);
        double skew = random.Uniform(-0.03, 0.03), phase = random.Uniform(0, 7), headland = random.Chance(0.7)
            ? random.Uniform(5, 10) : 0;
        int salt = random.Integer(10, 10000);
        double soft = random.Uniform(0.5, 1.8), patches = random.Chance(0.35) ? random.Uniform(0.25, 0.5)
            : 9, patch = random.Uniform(-3.5, 2.5), halfU = (u1 - u0) / 2, halfV = (v1 - v0) / 2;
        double plant = cover == LandCover.Crop ? random.Uniform(0.3, 1.6) : cover == LandCover.Shrub
            ? random.Uniform(0.6, 2) : 0;
        var (x, y) = Place(canvas, angle, (u0 + u1) / 2, (v0 + v1) / 2);
        canvas.ForBox(x, y, halfU, halfV, angle, (i, u, v) =>
        {
            double s = along ? u : v, t = along ? v : u, end = (along ? halfU : halfV) - Math.Abs(s);
            if (end < headland)
                (s, t) = (t, s);
            double row = t + skew * s + 0.25 * Math.Sin(s / 23 + phase);
            double offset = bias + soft * canvas.Noise(x + u, y + v, 32, salt)
                + depthOfRows * Math.Sin(2 * Math.PI * row / period);
            if (patches < 1)
                offset += patch * Math.Clamp((canvas.Noise(x + u, y + v, 26, salt + 1) - patches) / 0.12, 0, 1);
            if (tramlines > 0)
            {
                double wheel = Math.Abs(Math.Abs((((row + 500) % tramlines)
                    + tramlines) % tramlines - tramlines / 2) - 0.9);
                if (wheel < 0.35)
                    offset -= 3.5;
            }
            canvas.Lay(i, cover, offset);
            canvas.Objects[i] = (float)(plant * (1 + 0.1 * Math.Sin(row * 3)));
        });
        string crop = cover switch { LandCover.Crop => "crop field", LandCover.BareSoil =>
            "ploughed field", LandCover.Grass => "meadow", _ => "fallow field" };
        canvas.Name(crop, x, y);
    }

    private static void Boundary(SceneCanvas canvas, (double X, double Y) a, (double X, double Y) b, bool track)
    {
        ref var random = ref canvas.Random;
        (double X, double Y)[] path = [a, b];
        if (track)
        {
            canvas.ForPath(path, 1.8, (i, _, v) => canvas.Lay(i, LandCover.Gravel, Math.Abs(v) < 0.5 ? 0.5 : -2.5));
            return;
        }
        double kind = random.Uniform();
        if (kind < 0.3)
        {
            double half = random.Uniform(0.9, 1.8), height = random.Uniform(1.5, 3);
            canvas.ForPath(path, half, (i, s, _) =>
            {
                canvas.Lay(i, LandCover.Shrub, Math.Sin(s / 3.1));
                canvas.Objects[i] = (float)(height * (0.85 + 0.15 * Math.Sin(s * 1.3)));
            });
            foreach (var (x, y, _) in canvas.Along(path, random.Uniform(12, 40), 0))
                canvas.Tree(x, y, random.Uniform(1.8, 3.4), random.Uniform(6, 12));
        }
        else if (kind < 0.45)
        {
            foreach (var (x, y, _) in canvas.Along(path, random.Uniform(5, 9), 0))
            {
                if (random.Chance(0.85))
                    canvas.Tree(x + random.Uniform(-1, 1), y + random.Uniform(-1, 1), random.Uniform(1.8, 3.2),
                        random.Uniform(7, 14));
            }
        }
        else if (kind < 0.55)
        {
            canvas.Fence(path, 4);
        }
    }

    private static void Copse(SceneCanvas canvas, double threshold)
    {
        ref var random = ref canvas.Random;
        double size = random.Uniform(2, 3.6), height = size * random.Uniform(3.5, 5),
            scale = Math.Clamp(canvas.Width / 2.5, 40, 180);
        canvas.Forest((x, y) => canvas.Noise(x, y, scale, 6) > threshold, size, height);
    }

    private static void Lake(SceneCanvas canvas, double threshold)
    {
        double scale = Math.Clamp(canvas.Width / 2, 50, 200);
        canvas.ForAll((i, x, y) =>
        {
            double depth = canvas.Noise(x, y, scale, 9) - threshold;
            if (depth > 0)
                Water(canvas, i, -0.6, 0, canvas.Noise(x, y, 25, 11));
            else if (depth > -0.03)
                canvas.Lay(i, LandCover.Shrub);
        });
        canvas.Name("lake", canvas.Width / 2, canvas.Tall / 2);
    }

    private static void Pylons(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        var line = canvas.Crossing(random.Uniform(0.2, 0.8) * canvas.Width, random.Uniform(0.2, 0.8) * canvas.Tall,
            random.Uniform(0, Math.PI), 0);
        foreach (var (x, y, angle) in canvas.Along(line, Math.Min(220, canvas.Width / 2), 0))
        {
            for (int k = 0; k < 24; k++)
            {
                double h = random.Uniform(0, 28), w = 3 * (1 - h / 34);
                canvas.AddTarget(TargetKind.Pole, x + random.Uniform(-w, w), y + random.Uniform(-w, w), h,
                    Math.Exp(random.Normal() + 1));
            }
            canvas.Name("pylon", x, y);
        }
    }
}
