"""One theory for each JSON type: is a conjunction of literals about a value of that type unsatisfiable?"""
