"""Names for people, schools and streets that exist nowhere: short lists of ordinary words and names.

Names appear only in the OneRoster users file of the simulated district; they carry no information.
"""

from __future__ import annotations

GIVEN_NAMES = (
    "Ada", "Alba", "Amir", "Anders", "Anika", "Arlo", "Bea", "Beckett", "Bruno", "Calla", "Camilo", "Cora", "Dario", "Delia", "Devon", "Dina",
    "Edda", "Eli", "Elsa", "Emre", "Esme", "Ezra", "Farah", "Felix", "Fiona", "Gael", "Greta", "Hana", "Hugo", "Ines", "Ira", "Iris", "Ivo",
    "Jada", "Jonas", "Jude", "Juno", "Kai", "Keira", "Kofi", "Lars", "Leda", "Lena", "Luca", "Mabel", "Malik", "Mara", "Milo", "Mina", "Nadia",
    "Nico", "Noor", "Odile", "Omar", "Orla", "Otis", "Pablo", "Perla", "Petra", "Quinn", "Rafa", "Rhea", "Rosa", "Rufus", "Sade", "Selma",
    "Silas", "Simone", "Tariq", "Tessa", "Thea", "Tomas", "Uma", "Vera", "Viktor", "Wren", "Yara", "Yusuf", "Zadie", "Zeno",
)
FAMILY_NAMES = (
    "Abara", "Aldana", "Amari", "Arroyo", "Ashdown", "Baird", "Barros", "Bellamy", "Bohn", "Brightwater", "Calder", "Caron", "Castell", "Chau",
    "Coombe", "Cordova", "Dahl", "Danso", "Delacroix", "Denholm", "Duarte", "Eastman", "Eberle", "Ekwueme", "Escobar", "Fairweather", "Farrow",
    "Fenn", "Figueroa", "Forde", "Galloway", "Ghosh", "Goodwin", "Haddad", "Halloran", "Hawthorne", "Hoang", "Holloway", "Ibarra", "Iyer",
    "Jarrett", "Jessup", "Kaplan", "Keane", "Kessler", "Koh", "Lachance", "Lindqvist", "Lozano", "Madaki", "Marsh", "Mbeki", "Merriweather",
    "Molina", "Nakata", "Navarro", "Northrop", "Nwosu", "Oakes", "Okafor", "Olmstead", "Ortega", "Paige", "Parekh", "Pell", "Pruitt", "Quiroga",
    "Ramsey", "Redfern", "Rosales", "Rutledge", "Salazar", "Sato", "Sinclair", "Solis", "Stark", "Tanaka", "Thorne", "Treviso", "Udall",
    "Valdez", "Vance", "Voss", "Wadley", "Westbrook", "Whitlock", "Yancey", "Ybarra", "Youngblood", "Zamora",
)
PLACES = (
    "Cypress", "Heron", "Palmetto", "Magnolia", "Osprey", "Sandhill", "Mangrove", "Juniper", "Live Oak", "Pelican", "Coral", "Sabal",
    "Saltmarsh", "Longleaf", "Egret", "Hammock", "Manatee", "Tidewater", "Sawgrass", "Loggerhead",
)
FEATURES = ("Bend", "Creek", "Ridge", "Shore", "Grove", "Crossing", "Point", "Springs", "Landing", "Meadow", "Bay", "Trail")
