using McpRuntime.Benchmarks;

// Figures are ratios to a reference measured in the same run: this machine's speed, and its noise, are in both.
var runtimes = args is [var number, ..] && int.TryParse(number, System.Globalization.CultureInfo.InvariantCulture, out var given) ? given : 100;
var sheet = new Sheet();
await Gatewaying.RunAsync(sheet);
Judging.Run(sheet);
await Proxying.RunAsync(sheet);
await Listing.RunAsync(sheet);
await Bridging.RunAsync(sheet);
await Converging.RunAsync(sheet, runtimes);
sheet.Print();
