"""What all importers share: from operators in a file's own words to a `Graph`.

| file | holds |
| --- | --- |
| ``importer`` | `Importer`: the graph as it grows, with the type of every value and the arrays that are known |
| ``call`` | `Call`: one node of the file, as the function that lowers it sees it |
| ``free_sizes`` | `with_free_sizes`: sizes that are fixed where nothing else goes |
| ``free_shapes`` | `reshape_to`, `expand_to`: shapes of free sizes in the words of operators |
| ``open_pads`` | `OpenPad`: padding by such sizes, which the windows that follow take as their own |
| ``selections`` | `Selections`: values of which only a run shows how many there are |
| ``size_nodes`` | `SizeNodes`: sizes that a network computes with, worked out in each run |
| ``network`` | `verified`: the graph of a whole file, and the notes of what is fixed in it |
| ``lowering`` | `lower_nodes`: each node through its function, and all that is not supported named at once |
"""
