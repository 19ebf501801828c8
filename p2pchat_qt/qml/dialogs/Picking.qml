import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "../controls"

// Accepted contacts to choose some of.
ColumnLayout {
    id: picking
    property var chosen: []
    property bool isActive: true
    spacing: 2
    function clear() { chosen = [] }
    Words { visible: people.count === 0; text: qsTr("You have no contacts yet."); color: Theme.c.faint; Layout.fillWidth: true }
    Rows {
        id: people
        model: picking.isActive ? peopleView.accepted : null
        delegate: CheckDelegate {
            id: person
            required property string account
            required property string name
            required property string initials
            required property int colour
            objectName: "pick-" + name
            width: people.width
            height: Theme.px(48)
            topPadding: 0
            bottomPadding: 0
            text: name
            checked: picking.chosen.includes(account)
            onToggled: picking.chosen = checked ? [...picking.chosen, account] : picking.chosen.filter(each => each !== account)
            indicator: Rectangle {
                x: person.width - width - 8
                anchors.verticalCenter: parent.verticalCenter
                width: Theme.px(22)
                height: width
                radius: width / 2
                color: person.checked ? Theme.c.accent : "transparent"
                border.width: person.checked ? 0 : 2
                border.color: Theme.c.faint
                IconButton { anchors.centerIn: parent; visible: person.checked; enabled: false; sign: "check"; icon.color: Theme.c.onAccent; size: parent.width; icon.width: parent.width - 6; icon.height: parent.width - 6; Accessible.ignored: true }
            }
            contentItem: RowLayout {
                spacing: 10
                Avatar { size: Theme.px(34); account: person.account; letters: person.initials; colour: person.colour }
                Words { text: person.name; Layout.fillWidth: true; rightPadding: Theme.px(30) }
            }
            background: Rectangle { radius: 10; color: person.hovered || person.visualFocus ? Theme.c.hover : "transparent" }
        }
    }
}
