pragma Singleton
import QtQuick

// What is odd about a name, in words; the names of the oddities are the library's.
QtObject {
    function words(flags) {
        const said = ({
            mixed_scripts: qsTr("Letters of several alphabets stand in one word of this name."),
            like_contact: qsTr("This name looks like the name of a contact of yours."),
            like_you: qsTr("This name looks like your own.")
        })
        return flags === "" ? "" : flags.split(", ").map(each => said[each] || each).join(" ")
    }
}
