// Streets, houses with gardens, urban blocks around courtyards, industry.
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>The layers of built land.</summary>
internal static class UrbanLayers
{
    private delegate void FillBlock(SceneCanvas canvas, double x, double y, double halfU, double halfV, double angle);

    /// <summary>Detached houses with gardens along streets.</summary>
    public static void Suburb(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        RuralLayers.Meadow(canvas);
        Streets(canvas, random.Uniform(0, Math.PI / 2), 95, 52, random.Uniform(3, 3.8), 1.5, Plots);
    }

    /// <summary>Closed blocks of several storeys, squares and parks.</summary>
    public static void City(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        canvas.ForAll((i, x, y) => canvas.Lay(i, LandCover.Pavement));
        Streets(canvas, random.Uniform(0, Math.PI / 2), 82, 62, random.Uniform(5, 8), 3, CityBlock);
        canvas.Name("street", canvas.Width / 2, canvas.Tall / 2);
    }

    /// <summary>Halls, tanks, containers and parking areas inside fences.</summary>
    public static void Industry(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        RuralLayers.Meadow(canvas);
        Streets(canvas, random.Uniform(0, Math.PI / 2), 130, 95, random.Uniform(4, 5.5), 2, Works);
    }

    /// <summary>Parked cars in rows, some places empty.</summary>
    public static void ParkingLot(SceneCanvas canvas, double x, double y, double halfU, double halfV, double angle,
        double filled)
    {
        ref var random = ref canvas.Random;
        (double sin, double cos) = Math.SinCos(angle);
        canvas.LayBox(x, y, halfU, halfV, angle, LandCover.Asphalt);
        for (double v = -halfV + 3.5; v < halfV - 3; v += 8.5)
        {
            for (double u = -halfU + 2; u < halfU - 2; u += 2.6)
            {
                if (random.Chance(filled))
                    canvas.Vehicle(x + u * cos - v * sin, y + u * sin + v * cos,
                        angle + Math.PI / 2 + random.Normal() * 0.03);
            }
        }
        canvas.Name("parking lot", x, y);
    }

    // A grid of streets with blocks between them; positions of the streets are drawn, not regular.
    private static void Streets(SceneCanvas canvas, double angle, double blockU, double blockV, double halfStreet,
        double sidewalk, FillBlock fill)
    {
        ref var random = ref canvas.Random;
        double half = (canvas.Width + canvas.Tall) * 0.55;
        var us = Cuts(ref random, half, blockU, halfStreet + sidewalk);
        var vs = Cuts(ref random, half, blockV, halfStreet + sidewalk);
        (double sin, double cos) = Math.SinCos(angle);
        double cx = canvas.Width / 2, cy = canvas.Tall / 2;
        foreach (double u in us)
        {
            canvas.LayBox(cx + u * cos, cy + u * sin, halfStreet + sidewalk, half, angle, LandCover.Pavement, -1);
            canvas.LayBox(cx + u * cos, cy + u * sin, halfStreet, half, angle, LandCover.Asphalt);
        }
        foreach (double v in vs)
        {
            canvas.LayBox(cx - v * sin, cy + v * cos, half, halfStreet + sidewalk, angle, LandCover.Pavement, -1);
            canvas.LayBox(cx - v * sin, cy + v * cos, half, halfStreet, angle, LandCover.Asphalt);
        }
        foreach (double u in us)
            canvas.LayBox(cx + u * cos, cy + u * sin, halfStreet, half, angle, LandCover.Asphalt);
        for (int i = 0; i + 1 < us.Count; i++)
        {
            for (int j = 0; j + 1 < vs.Count; j++)
            {
                double inset = halfStreet + sidewalk, u = (us[i] + us[i + 1]) / 2, v = (vs[j] + vs[j + 1]) / 2;
                double halfU = (us[i + 1] - us[i]) / 2 - inset, halfV = (vs[j + 1] - vs[j]) / 2 - inset;
                double x = cx + u * cos - v * sin, y = cy + u * sin + v * cos, reach = halfU + halfV;
                if (x > -reach && y > -reach && x < canvas.Width + reach && y < canvas.Tall + reach)
                    fill(canvas, x, y, halfU, halfV, angle);
            }
        }
        foreach (double u in us)
            StreetLife(canvas, cx + u * cos - half * -sin, cy + u * sin - half * cos, cx + u * cos - half * sin,
                cy + u * sin + half * cos, halfStreet);
        foreach (double v in vs)
            StreetLife(canvas, cx - v * sin - half * cos, cy + v * cos - half * sin, cx - v * sin + half * cos,
                cy + v * cos + half * sin, halfStreet);
    }

    private static List<double> Cuts(ref SeededRandom random, double half, double pitch, double inset)
    {
        var cuts = new List<double>();
        for (double at = -half + random.Uniform(0, pitch); at < half; at += pitch * random.Uniform(0.8, 1.35) + inset)
            cuts.Add(at);
        return cuts;
    }

    private static void StreetLife(SceneCanvas canvas, double x0, double y0, double x1, double y1, double halfStreet)
    {
        ref var random = ref canvas.Random;
        (double X, double Y)[] path = [(x0, y0), (x1, y1)];
        double parked = random.Uniform(0.1, 0.6), treed = random.Chance(0.35) ? 0.7 : 0.05;
        foreach (double side in new[] { halfStreet - 1.1, 1.1 - halfStreet })
        {
            foreach (var (x, y, angle) in canvas.Along(path, 6.2, side))
            {
                if (random.Chance(parked) && canvas.ClassAt(x, y) == LandCover.Asphalt)
                    canvas.Vehicle(x, y, angle);
            }
        }
        foreach (double side in new[] { halfStreet + 1.4, -halfStreet - 1.4 })
        {
            foreach (var (x, y, _) in canvas.Along(path, 11, side))
            {
                if (random.Chance(treed) && canvas.ClassAt(x, y) != LandCover.Roof
                    && canvas.ClassAt(x, y) != LandCover.Asphalt)
                    canvas.Tree(x, y, random.Uniform(1.6, 2.8), random.Uniform(5, 10));
            }
            foreach (var (x, y, _) in canvas.Along(path, 32, side))
                canvas.AddTarget(TargetKind.Pole, x, y, 0.4, Math.Exp(random.Normal() * 0.6 + 0.4));
        }
    }

    private static void Plots(SceneCanvas canvas, double x, double y, double halfU, double halfV, double angle)
    {
        ref var random = ref canvas.Random;
        (double sin, double cos) = Math.SinCos(angle);
        double pitch = random.Uniform(17, 24), setback = random.Uniform(4, 7);
        canvas.ForBox(x, y, halfU, halfV, angle, (i, u, v) =>
            canvas.Lay(i, LandCover.Grass, Math.Sin(u / pitch * 9) * 0.4 + 0.3));
        foreach (double side in new[] { -1.0, 1.0 })
        {
            for (double u = -halfU + pitch / 2; u < halfU - pitch / 3; u += pitch)
            {
                double depth = halfV - setback - 5, v = side * depth, hx = x + u * cos - v * sin,
                    hy = y + u * sin + v * cos;
                if (halfV < 14 && side < 0)
                    continue;
                canvas.ForBox(x + (u + pitch * 0.36) * cos - side * (halfV - setback / 2 - 2) * sin,
                    y + (u + pitch * 0.36) * sin + side * (halfV - setback / 2 - 2) * cos, 1.6, setback / 2 + 2, angle,
                    (i, _, _) => canvas.Lay(i, LandCover.Pavement, -2));
                if (random.Chance(0.5))
                    canvas.Vehicle(x + (u + pitch * 0.36) * cos - side * (halfV - 3.5) * sin,
                        y + (u + pitch * 0.36) * sin + side * (halfV - 3.5) * cos, angle + Math.PI / 2);
                if (random.Chance(0.93))
                {
                    bool turned = random.Chance(0.3);
                    canvas.Building(hx, hy, random.Uniform(4.6, 6.2), random.Uniform(3.8, 4.8),
                        angle + (turned ? Math.PI / 2 : 0), random.Uniform(3, 6),
                        random.Uniform() switch { < 0.6 => RoofShape.Gable, < 0.88 => RoofShape.Hip, _ =>
                            RoofShape.Flat }, random.Uniform(0.5, 0.95));
                }
                for (int k = 0; k < 4; k++)
                {
                    double tu = u + random.Uniform(-0.45, 0.45) * pitch, tv = side * random.Uniform(0.05, 0.98) * halfV;
                    double tx = x + tu * cos - tv * sin, ty = y + tu * sin + tv * cos;
                    if (random.Chance(0.55) && RuralLayers.IsOpen(canvas, tx, ty))
                        canvas.Tree(tx, ty, random.Uniform(1.2, 3), random.Uniform(3, 9));
                }
                if (random.Chance(0.5))
                    Hedge(canvas, x + (u + pitch / 2) * cos - side * halfV / 2 * sin,
                        y + (u + pitch / 2) * sin + side * halfV / 2 * cos, 0.5, halfV / 2 - 1, angle);
            }
        }
        if (random.Chance(0.6))
            Hedge(canvas, x, y, halfU - 1, 0.5, angle);
        canvas.Name("garden", x, y);
    }

    private static void Hedge(SceneCanvas canvas, double x, double y, double halfU, double halfV, double angle) =>
        canvas.ForBox(x, y, halfU, halfV, angle, (i, _, _) =>
        {
            if ((LandCover)canvas.Classes[i] != LandCover.Grass)
                return;
            canvas.Lay(i, LandCover.Shrub);
            canvas.Objects[i] = 1.6f;
        });

    private static void CityBlock(SceneCanvas canvas, double x, double y, double halfU, double halfV, double angle)
    {
        ref var random = ref canvas.Random;
        (double sin, double cos) = Math.SinCos(angle);
        double use = random.Uniform();
        if (use < 0.1)
        {
            canvas.LayBox(x, y, halfU, halfV, angle, LandCover.Grass);
            canvas.LayBox(x, y, halfU, 1.5, angle, LandCover.Gravel);
            canvas.Forest((tx, ty) => Within(tx, ty, x, y, halfU - 3, halfV - 3, cos, sin)
                && RuralLayers.IsOpen(canvas, tx, ty) && canvas.Noise(tx, ty, 18, 3) > 0, 3, 12);
            canvas.Name("park", x, y);
            return;
        }
        if (use < 0.16)
        {
            ParkingLot(canvas, x, y, halfU - 1, halfV - 1, angle, 0.6);
            return;
        }
        canvas.LayBox(x, y, halfU, halfV, angle, LandCover.Pavement);
        double depth = Math.Min(random.Uniform(10, 14), halfV * 0.75) / 2, level = random.Uniform(11, 22);
        if (use < 0.3)
        {
            double tower = random.Uniform(0.3, 0.5);
            canvas.Building(x, y, halfU * tower, halfV * tower, angle, random.Uniform(24, 45), RoofShape.Flat);
            return;
        }
        canvas.LayBox(x, y, Math.Max(1, halfU - 2 * depth), Math.Max(1, halfV - 2 * depth), angle, random.Chance(0.5)
            ? LandCover.Grass : LandCover.Pavement, -1);
        foreach (double side in new[] { -1.0, 1.0 })
        {
            Row(canvas, x - side * (halfV - depth) * sin, y + side * (halfV - depth) * cos, halfU, depth, angle, level);
            if (halfU > 4 * depth && random.Chance(0.85))
                Row(canvas, x + side * (halfU - depth) * cos, y + side * (halfU - depth) * sin,
                    Math.Max(2, halfV - 2 * depth), depth, angle + Math.PI / 2, level);
        }
        for (int k = 0; k < 6; k++)
        {
            double u = random.Uniform(-1, 1) * Math.Max(0, halfU - 2 * depth - 3),
                v = random.Uniform(-1, 1) * Math.Max(0, halfV - 2 * depth - 3);
            double tx = x + u * cos - v * sin, ty = y + u * sin + v * cos;
            if (random.Chance(0.6) && RuralLayers.IsOpen(canvas, tx, ty))
                canvas.Tree(tx, ty, random.Uniform(1.8, 3.4), random.Uniform(5, 11));
        }
        canvas.Name("courtyard", x, y);
    }

    // Houses wall to wall, each with its own height and roof.
    private static void Row(SceneCanvas canvas, double x, double y, double half, double depth, double angle,
        double level)
    {
        ref var random = ref canvas.Random;
        (double sin, double cos) = Math.SinCos(angle);
        for (double u = -half; u < half - 2;)
        {
            double length = Math.Min(random.Uniform(12, 24), half - u);
            if (half - u - length < 6)
                length = half - u;
            double middle = u + length / 2;
            if (random.Chance(0.96))
            {
                canvas.Building(x + middle * cos, y + middle * sin, length / 2, depth, angle,
                    level + random.Normal() * 1.8,
                    random.Uniform() switch { < 0.55 => RoofShape.Gable, _ => RoofShape.Flat },
                        random.Uniform(0.4, 0.75));
            }
            u += length;
        }
    }

    private static void Works(SceneCanvas canvas, double x, double y, double halfU, double halfV, double angle)
    {
        ref var random = ref canvas.Random;
        (double sin, double cos) = Math.SinCos(angle);
        canvas.LayBox(x, y, halfU - 1, halfV - 1, angle, random.Chance(0.5) ? LandCover.Asphalt : LandCover.Gravel, -1);
        (double X, double Y) P(double u, double v) => (x + u * cos - v * sin, y + u * sin + v * cos);
        canvas.Fence([P(-halfU, -halfV), P(halfU, -halfV), P(halfU, halfV), P(-halfU, halfV), P(-halfU, -halfV)]);
        double use = random.Uniform();
        if (use < 0.5)
        {
            double fraction = random.Uniform(0.45, 0.75);
            var (hx, hy) = P(-halfU * (1 - fraction) * 0.8, 0);
            canvas.Building(hx, hy, halfU * fraction, halfV * 0.72, angle, random.Uniform(7, 14),
                random.Uniform() switch { < 0.5 => RoofShape.Flat, < 0.8 => RoofShape.Saw, _ => RoofShape.Gable },
                0.12);
            var (px, py) = P(halfU * 0.75, 0);
            ParkingLot(canvas, px, py, halfU * 0.18, halfV * 0.85, angle, 0.55);
            canvas.Name("industrial hall", hx, hy);
        }
        else if (use < 0.7)
        {
            double radius = random.Uniform(7, 13);
            for (double u = -halfU + radius + 4; u < halfU - radius; u += radius * 2.7)
            {
                for (double v = -halfV + radius + 4; v < halfV - radius; v += radius * 2.7)
                {
                    var (tx, ty) = P(u, v);
                    if (random.Chance(0.85))
                        Tank(canvas, tx, ty, radius * random.Uniform(0.7, 1), random.Uniform(8, 16));
                }
            }
        }
        else if (use < 0.88)
        {
            for (double v = -halfV + 6; v < halfV - 5; v += 9)
            {
                for (double u = -halfU + 9; u < halfU - 8; u += 13)
                {
                    var (bx, by) = P(u, v);
                    if (random.Chance(0.7))
                        canvas.MetalBox(bx, by, 6.05, 1.22 * random.Integer(1, 4), angle, 2.6 * random.Integer(1, 5),
                            -4);
                }
            }
            canvas.Name("container yard", x, y);
        }
        else
        {
            ParkingLot(canvas, x, y, halfU - 3, halfV - 3, angle, 0.75);
        }
    }

    private static void Tank(SceneCanvas canvas, double x, double y, double radius, double height)
    {
        ref var random = ref canvas.Random;
        canvas.ForBox(x, y, radius, radius, 0, (i, u, v) =>
        {
            if (u * u + v * v > radius * radius)
                return;
            canvas.Classes[i] = (byte)LandCover.Metal;
            canvas.Objects[i] = (float)height;
            canvas.Offsets[i] = -8;
        });
        // A cylinder's nearest and farthest rims are bright points, whatever the azimuth.
        canvas.AddTarget(TargetKind.Building, x - radius, y, height, 60);
        canvas.AddTarget(TargetKind.Building, x + radius, y, height, 25);
        canvas.Name("tank", x, y);
    }

    private static bool Within(double px, double py, double x, double y, double halfU, double halfV, double cos,
        double sin)
    {
        double dx = px - x, dy = py - y;
        return Math.Abs(dx * cos + dy * sin) < halfU && Math.Abs(dy * cos - dx * sin) < halfV;
    }
}
