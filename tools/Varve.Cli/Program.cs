System.Console.WriteLine("varve");
